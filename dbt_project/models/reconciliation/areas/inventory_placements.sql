select
    null::varchar as source_table,
    null::varchar as source_id,
    null::varchar as place,
    null::varchar as detail,
    null::bigint as bytes
where false
