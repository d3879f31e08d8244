-- Attributes of companies that must exist before the first company is sent.
select
    null::varchar as model,
    null::varchar as name,
    null::varchar as data_type,
    null::varchar as description,
    null::json as options
where false
