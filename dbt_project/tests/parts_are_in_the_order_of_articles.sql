-- OTRS shows articles by id; the plan sends them in that order.
with
    replies as (

        select
            lane,
            position,
            source_id::bigint as article_id,
            lag(source_id::bigint) over (partition by lane order by position) as previous_article_id
        from {{ ref("requests") }}
        where kind = 'conversation.reply'

    )

select *
from replies
where previous_article_id > article_id
