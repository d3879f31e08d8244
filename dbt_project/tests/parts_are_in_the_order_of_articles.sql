-- OTRS shows articles by id; the parts stand in that order, and the plan sends them in that order.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    ordered as (

        select 'parts' as place, conversation_key as conversation, position, otrs_article_id as article_id
        from {{ ref("conversation_parts") }}
        where otrs_article_id is not null

        union all

        select 'requests', lane, position, source_id::bigint
        from {{ ref("requests") }}
        where kind = 'conversation.reply'

    ),

    compared as (

        select
            *,
            lag(article_id) over (partition by place, conversation order by position) as previous_article_id
        from ordered

    )

select *
from compared
where previous_article_id > article_id
