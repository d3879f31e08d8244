-- Each part is in the plan exactly once: its own text, in its own place, at the time of its article.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    parts as (

        select
            {{ part_slot("parts") }} as slot,
            parts.position,
            parts.body,
            parts.content_hash,
            -- headers have no article; theirs is the time of the conversation
            coalesce(articles.created_at, parts.created_at) as created_at
        from {{ ref("conversation_parts") }} as parts
        left join {{ ref("stg_otrs__articles") }} as articles on parts.otrs_article_id = articles.article_id

    ),

    requests as (

        select
            slot,
            payload ->> '$.body' as body,
            content_hash,
            (payload ->> '$.created_at')::bigint as created_at,
            row_number() over (partition by lane order by position, slot) - 1 as place
        from {{ ref("requests") }}
        where kind in ('conversation.create', 'conversation.reply')

    )

select coalesce(requests.slot, parts.slot) as slot, parts.position, requests.place
from parts
full join requests on parts.slot = requests.slot
where
    parts.slot is null
    or requests.slot is null
    or parts.position != requests.place
    or parts.body is distinct from requests.body
    or parts.content_hash is distinct from requests.content_hash
    or {{ unix_seconds("parts.created_at") }} is distinct from requests.created_at
