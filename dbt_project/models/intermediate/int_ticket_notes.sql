-- Notes that a conversation gets at its end, beside the articles: what does not fit anywhere else.
select
    null::bigint as ticket_id,
    null::varchar as note_key,
    null::varchar as body,
    null::varchar as content_hash,
    null::timestamp as created_at
where false
