-- A chat has one row per line; the conversation gets it as one readable dialogue.
with lines as (select * from {{ ref("stg_otrs__chat_messages") }})

select
    article_id,
    string_agg(
        concat_ws(
            ' ',
            strftime(created_at, '%Y-%m-%d %H:%M:%S'),
            coalesce(participant_name, participant_type, '') || ':',
            coalesce(message_text, '')
        ),
        chr(10)
        order by line_number
    ) as dialogue,
    count(*) as line_count
from lines
group by article_id
