-- Lines of chats, as OTRS 6 keeps them, one row each; up to OTRS 5 they are JSON in the article's body.
with
    chat_rows as (select * from {{ source("raw_otrs", "article_data_otrs_chat") }}),

    json_lines as (

        select article_id, unnest(lines) as line, generate_subscripts(lines, 1) as line_number
        from {{ ref("base_otrs__chats") }}
        where lines is not null

    )

select
    'article_data_otrs_chat' as table_name,
    id,
    article_id,
    row_number() over (partition by article_id order by id) as line_number,
    chat_participant_id,
    chat_participant_name,
    chat_participant_type,
    message_text,
    system_generated,
    create_time
from chat_rows

union all

select
    'article',
    try_cast(line ->> '$.ID' as bigint),
    article_id,
    line_number,
    line ->> '$.ChatterID',
    line ->> '$.ChatterName',
    line ->> '$.ChatterType',
    line ->> '$.MessageText',
    coalesce(try_cast(line ->> '$.SystemGenerated' as bigint), 0),
    try_cast(line ->> '$.CreateTime' as timestamp)
from json_lines
