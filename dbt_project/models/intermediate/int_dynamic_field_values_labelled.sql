-- Every value of a dynamic field as OTRS has it and as people see it, with the object that it belongs to.
with
    source_values as (select * from {{ ref("stg_otrs__dynamic_field_values") }}),

    fields as (select * from {{ ref("int_dynamic_fields_parsed") }}),

    objects as (

        select object_id, object_type, min(object_name) as object_name
        from {{ ref("stg_otrs__dynamic_field_objects") }}
        group by object_id, object_type

    ),

    processes as (

        select process_entity_id as entity_id, min(process_name) as entity_name
        from {{ ref("stg_otrs__processes") }}
        group by all
        union all
        select process_activity_entity_id, min(process_activity_name)
        from {{ ref("stg_otrs__process_activities") }}
        group by all

    ),

    -- A date has no time zone; a date with time is in UTC here, whatever zone OTRS wrote it in.
    described as (

        select
            source_values.dynamic_field_value_id,
            source_values.dynamic_field_id,
            fields.field_name,
            fields.field_label,
            fields.field_type,
            fields.object_type,
            fields.process_role,
            fields.possible_values,
            source_values.object_id,
            objects.object_name,
            case
                when fields.field_type = 'Date'
                then strftime(source_values.value_day, '%Y-%m-%d')
                when fields.field_type = 'DateTime'
                then strftime(source_values.value_at, '%Y-%m-%d %H:%M:%S')
                when fields.field_type = 'Checkbox'
                then source_values.value_integer::varchar
                else
                    coalesce(
                        source_values.value_text,
                        source_values.value_integer::varchar,
                        strftime(source_values.value_at, '%Y-%m-%d %H:%M:%S')
                    )
            end as otrs_value,
            source_values.value_day,
            source_values.value_at
        from source_values
        left join fields on source_values.dynamic_field_id = fields.dynamic_field_id
        left join
            objects
            on source_values.object_id = objects.object_id
            and fields.object_type = objects.object_type
            and fields.object_type in ('CustomerUser', 'CustomerCompany')

    )

select
    described.dynamic_field_value_id,
    described.dynamic_field_id,
    described.field_name,
    described.field_label,
    described.field_type,
    described.object_type,
    described.object_id,
    described.object_name,
    row_number() over (
        partition by described.dynamic_field_id, described.object_id order by described.dynamic_field_value_id
    ) as value_position,
    described.otrs_value,
    -- Labels, not keys; the key where a list does not have it (any more).
    case
        when described.field_type = 'Checkbox'
        then case described.otrs_value when '1' then 'yes' when '0' then 'no' else described.otrs_value end
        when described.process_role is not null
        then coalesce(processes.entity_name, described.otrs_value)
        else coalesce(nullif(trim(described.possible_values[described.otrs_value]), ''), described.otrs_value)
    end as display_value,
    described.value_day,
    described.value_at,
    described.otrs_value is null or described.otrs_value = '' as is_empty,
    described.possible_values is not null
    and not map_contains(described.possible_values, described.otrs_value) as is_outside_the_list
from described
left join processes on described.process_role is not null and described.otrs_value = processes.entity_id
