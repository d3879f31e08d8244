-- What the conversations hold already, message by message, as the loader's ledger says: in which
-- conversation, after which others, of which article, in which version.
with
    receipts as (

        select *
        from {{ ref("stg_ledger__receipts") }}
        where kind in ('conversation.create', 'conversation.reply')

    ),

    keyed as (

        select
            *,
            kind = 'conversation.create' as is_opening,
            regexp_extract(slot, '^conversation/([^/]+)', 1) as conversation_key,
            case
                when kind = 'conversation.reply'
                then regexp_extract(slot, '/part/(.+)$', 1)
                when source_table = 'article'
                then 'otrs:article:' || source_id
                else regexp_extract(slot, '^conversation/(.+)$', 1) || ':header'
            end as part_key
        from receipts

    )

select
    slot,
    receipt_id,
    try_cast(regexp_extract(conversation_key, '^otrs:ticket:([0-9]+)', 1) as bigint) as ticket_id,
    coalesce(
        try_cast(regexp_extract(conversation_key, '^otrs:ticket:[0-9]+:([0-9]+)$', 1) as bigint), 1
    ) as chunk,
    part_key,
    -- what the part is a version of: an article, or a note or header by its own key
    regexp_replace(
        regexp_replace(part_key, '^(otrs:article:[0-9]+(:revision:[0-9]+)?):[0-9]+$', '\1'),
        ':revision:[0-9]+$',
        ''
    ) as subject_key,
    try_cast(
        regexp_extract(part_key, '^otrs:article:([0-9]+)(:revision:[0-9]+)?(:[0-9]+)?$', 1) as bigint
    ) as article_id,
    coalesce(try_cast(regexp_extract(part_key, ':revision:([0-9]+)(:[0-9]+)?$', 1) as bigint), 0) as revision,
    coalesce(
        try_cast(regexp_extract(part_key, '^otrs:article:[0-9]+(:revision:[0-9]+)?:([0-9]+)$', 2) as bigint),
        0
    ) as piece,
    is_opening,
    content_hash,
    visibility
from keyed
