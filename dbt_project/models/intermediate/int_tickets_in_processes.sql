-- At which activity of which process a ticket stands: two dynamic fields say so, whose names are settings.
with
    names as (

        select
            coalesce(
                max(document ->> '$') filter (
                    setting_name = 'Process::DynamicFieldProcessManagementProcessID'
                ),
                'ProcessManagementProcessID'
            ) as process_field,
            coalesce(
                max(document ->> '$') filter (
                    setting_name = 'Process::DynamicFieldProcessManagementActivityID'
                ),
                'ProcessManagementActivityID'
            ) as activity_field
        from {{ ref("int_settings_effective") }}

    ),

    named as (

        select
            fields.dynamic_field_name as field_name,
            fieldvalues.object_id as ticket_id,
            fieldvalues.value_text
        from {{ ref("stg_otrs__dynamic_field_values") }} as fieldvalues
        inner join
            {{ ref("stg_otrs__dynamic_fields") }} as fields
            on fieldvalues.dynamic_field_id = fields.dynamic_field_id
        where fields.object_type = 'Ticket' and nullif(fieldvalues.value_text, '') is not null

    )

select
    named.ticket_id,
    max(named.value_text) filter (named.field_name = names.process_field) as process_entity_id,
    max(named.value_text) filter (named.field_name = names.activity_field) as activity_entity_id
from named
cross join names
where named.field_name in (names.process_field, names.activity_field)
group by named.ticket_id
