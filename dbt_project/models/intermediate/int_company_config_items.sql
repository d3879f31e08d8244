-- Attribute values that configuration items give to the company they belong to, one row per value.
select
    null::varchar as company_id,
    null::varchar as attribute_name,
    null::varchar as data_type,
    null::varchar as description,
    null::varchar as otrs_value,
    null::json as value
where false
