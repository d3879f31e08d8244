-- Stub: attributes that dynamic fields become.
select
    null::varchar as model,
    null::varchar as name,
    null::varchar as data_type,
    null::varchar as description,
    null::json as options
where false
