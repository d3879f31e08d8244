-- Dynamic fields with their configuration read: OTRS keeps it as YAML.
with
    fields as (select *, yaml_json(config) as yaml from {{ ref("stg_otrs__dynamic_fields") }}),

    settings as (select setting_name, value from {{ ref("int_settings_effective") }})

select
    fields.dynamic_field_id,
    fields.dynamic_field_name as field_name,
    coalesce(nullif(trim(fields.label), ''), fields.dynamic_field_name) as field_label,
    fields.field_type,
    fields.object_type,
    fields.field_order,
    fields.is_internal,
    fields.is_valid,
    -- Which process a ticket is in stands in two fields; settings say which.
    case
        when
            fields.object_type = 'Ticket'
            and fields.dynamic_field_name = coalesce(process_names.value, 'ProcessManagementProcessID')
        then 'process'
        when
            fields.object_type = 'Ticket'
            and fields.dynamic_field_name = coalesce(activity_names.value, 'ProcessManagementActivityID')
        then 'activity'
    end as process_role,
    try_cast(fields.yaml.value as json) as config,
    -- Key to label. A field without a list of values has none, and one that is no list is none.
    case
        when json_type(try_cast(fields.yaml.value as json), '$.PossibleValues') = 'OBJECT'
        then
            try_cast(
                json_extract(try_cast(fields.yaml.value as json), '$.PossibleValues') as map(varchar, varchar)
            )
    end as possible_values,
    fields.yaml.error
from fields
left join
    settings as process_names
    on process_names.setting_name = 'Process::DynamicFieldProcessManagementProcessID'
left join
    settings as activity_names
    on activity_names.setting_name = 'Process::DynamicFieldProcessManagementActivityID'
