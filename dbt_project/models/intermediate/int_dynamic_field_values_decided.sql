-- Values of dynamic fields with what is decided for their field, one row per value.
select
    null::bigint as dynamic_field_value_id,
    null::bigint as dynamic_field_id,
    null::varchar as field_name,
    null::varchar as field_label,
    null::varchar as object_type,
    null::bigint as object_id,
    null::varchar as object_name,
    null::bigint as value_position,
    null::varchar as target,
    null::varchar as attribute_name,
    null::varchar as data_type,
    null::varchar as otrs_value,
    null::varchar as display_value,
    null::json as value,
    null::varchar as tag_name
where false
