-- Chats of OTRS 5 and older (OTRS Business): an article whose body is a JSON list of what was said. A body
-- that is no list of objects stays a text: `lines` is null.
with
    articles as (select * from {{ source("raw_otrs", "article") }}),

    article_types as (select * from {{ ref("base_otrs__article_types") }}),

    chats as (

        select articles.id as article_id, articles.a_body as body
        from articles
        inner join article_types on articles.article_type_id = article_types.article_type_id
        where
            article_types.communication_channel_name = 'Chat'
            and articles.a_content_type ilike 'application/json%'
            and articles.communication_channel_id is null

    ),

    parsed as (

        select article_id, case when json_valid(body) then from_json(body::json, '"JSON"') end as content
        from chats

    ),

    listed as (

        select
            article_id,
            case when json_type(content) = 'ARRAY' then from_json(content, '["JSON"]') end as lines
        from parsed

    )

select
    article_id,
    case
        when
            len(lines) > 0
            and list_bool_and(list_transform(lines, lambda line:coalesce(json_type(line) = 'OBJECT', false)))
        then lines
    end as lines
from listed
