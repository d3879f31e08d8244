-- One row per field of a dialog, in the order in which the dialog shows them.
with
    dialogs as (

        select
            dialogs.process_activity_dialog_entity_id as dialog_entity_id,
            dialogs.process_activity_dialog_name as dialog_name,
            parsed.document
        from {{ ref("stg_otrs__process_activity_dialogs") }} as dialogs
        inner join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'dialog'
            and dialogs.process_activity_dialog_entity_id = parsed.configuration_id

    ),

    ordered as (

        select
            dialogs.dialog_entity_id,
            entry.value ->> '$' as field_name,
            min(try_cast(entry.key as bigint)) as place
        from dialogs, json_each(dialogs.document, '$.FieldOrder') as entry
        group by all

    ),

    configured as (

        select dialogs.dialog_entity_id, entry.key as field_name, entry.value as config
        from dialogs, json_each(dialogs.document, '$.Fields') as entry

    ),

    dynamic_fields as (

        select 'DynamicField_' || dynamic_field_name as field_name, label, field_type
        from {{ ref("stg_otrs__dynamic_fields") }}

    )

select
    dialog_entity_id,
    dialogs.dialog_name,
    row_number() over (
        partition by dialog_entity_id order by ordered.place nulls last, field_name
    ) as position,
    field_name,
    coalesce(dynamic_fields.label, field_name) as label,
    dynamic_fields.field_type as dynamic_field_type,
    case
        configured.config ->> '$.Display'
        when '0'
        then 'hidden'
        when '1'
        then 'optional'
        when '2'
        then 'required'
        else configured.config ->> '$.Display'
    end as display,
    nullif(configured.config ->> '$.DefaultValue', '') as default_value,
    nullif(configured.config ->> '$.DescriptionShort', '') as short_description,
    nullif(configured.config ->> '$.DescriptionLong', '') as long_description,
    configured.config -> '$.Config' as config,
    case
        when starts_with(field_name, 'DynamicField_') and dynamic_fields.field_name is null
        then 'the dynamic field does not exist'
        when configured.field_name is null
        then 'the dialog does not say how to show it'
        when ordered.field_name is null
        then 'the dialog does not say where to show it'
    end as problem
from ordered
full join configured using (dialog_entity_id, field_name)
left join dialogs using (dialog_entity_id)
left join dynamic_fields using (field_name)
