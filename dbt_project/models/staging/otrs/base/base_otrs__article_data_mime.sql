-- Header and text of an article, as OTRS 6 keeps them. Up to OTRS 5 they stand in `article` itself; the
-- row then has the article's id, as after OTRS's own upgrade. A chat that was read has no text: its lines
-- are the text.
with
    mime as (select * from {{ source("raw_otrs", "article_data_mime") }}),

    -- Every article since OTRS 6 names a channel, none did before.
    articles as (select * from {{ source("raw_otrs", "article") }} where communication_channel_id is null),

    chats as (select article_id, lines is not null as is_read from {{ ref("base_otrs__chats") }})

select
    'article_data_mime' as table_name,
    id,
    article_id,
    a_from,
    a_reply_to,
    a_to,
    a_cc,
    a_bcc,
    a_subject,
    a_message_id,
    a_in_reply_to,
    a_references,
    a_content_type,
    a_body,
    content_path,
    incoming_time,
    create_time,
    create_by,
    change_time,
    change_by
from mime

union all

select
    'article',
    articles.id,
    articles.id,
    articles.a_from,
    articles.a_reply_to,
    articles.a_to,
    articles.a_cc,
    null,
    articles.a_subject,
    articles.a_message_id,
    articles.a_in_reply_to,
    articles.a_references,
    articles.a_content_type,
    case when chats.is_read then null else articles.a_body end,
    articles.content_path,
    articles.incoming_time,
    articles.create_time,
    articles.create_by,
    articles.change_time,
    articles.change_by
from articles
left join chats on articles.id = chats.article_id
