-- Values of dynamic fields with what is decided for their field, one row per value. A value that the decided
-- type cannot hold has no `value`: it goes into a note (tickets), and is listed in
-- `inventory.flagged_values`.
with
    field_values as (select * from {{ ref("int_dynamic_field_values_labelled") }} where not is_empty),

    decisions as (select * from {{ ref("dynamic_fields") }}),

    tags as (select tag_text, tag_name from {{ ref("int_tag_names") }}),

    -- An attribute of Intercom holds one value: several are joined, in the order of OTRS, if they are texts.
    decided as (

        select
            field_values.*,
            decisions.target,
            nullif(trim(decisions.attribute_name), '') as attribute_name,
            case
                when decisions.target = 'attribute' then coalesce(decisions.data_type, 'string')
            end as data_type,
            case
                when decisions.target = 'tag'
                then trim(decisions.attribute_name) || ': ' || field_values.display_value
            end as tag_text,
            count(*) over (partition by field_values.dynamic_field_id, field_values.object_id) as value_count
        from field_values
        left join decisions on field_values.dynamic_field_id = decisions.otrs_field_id

    )

select
    decided.dynamic_field_value_id,
    decided.dynamic_field_id,
    decided.field_name,
    decided.field_label,
    decided.object_type,
    decided.object_id,
    decided.object_name,
    decided.value_position,
    decided.target,
    decided.attribute_name,
    decided.data_type,
    decided.otrs_value,
    decided.display_value,
    case
        when decided.data_type = 'string'
        then to_json(decided.display_value)
        when decided.value_count > 1
        then null
        when decided.data_type = 'list'
        then to_json(decided.display_value)
        when decided.data_type = 'integer'
        then
            case
                when regexp_full_match(trim(decided.otrs_value), '[+-]?[0-9]{1,15}')
                then to_json(trim(decided.otrs_value)::bigint)
            end
        when decided.data_type = 'decimal'
        then
            case
                when regexp_full_match(trim(decided.otrs_value), '[+-]?[0-9]{1,15}(\.[0-9]{1,15})?')
                then to_json(trim(decided.otrs_value)::double)
            end
        when decided.data_type = 'boolean'
        then
            case
                when lower(trim(decided.otrs_value)) in ('1', 'yes', 'true', 'on')
                then to_json(true)
                when lower(trim(decided.otrs_value)) in ('0', 'no', 'false', 'off')
                then to_json(false)
            end
        when decided.data_type in ('date', 'datetime')
        then
            to_json(
                {{
                    unix_seconds(
                        "coalesce(decided.value_day::timestamp, case when decided.field_type = 'DateTime' then decided.value_at end, try_cast(trim(decided.otrs_value) as timestamp))"
                    )
                }}
            )
    end as value,
    tags.tag_name
from decided
left join tags on decided.tag_text = tags.tag_text
