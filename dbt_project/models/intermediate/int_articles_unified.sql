-- One row per article, whatever channel it came by and wherever its text stands.
with
    articles as (select * from {{ ref("stg_otrs__articles") }}),

    mime as (select * from {{ ref("stg_otrs__article_mime_data") }}),

    chats as (select * from {{ ref("int_chats_merged") }}),

    sender_types as (select * from {{ ref("stg_otrs__article_sender_types") }}),

    channels as (select * from {{ ref("stg_otrs__communication_channels") }}),

    -- Nothing in the schema forbids two MIME rows for one article; the first one is the article's.
    first_mime as (

        select *
        from mime
        qualify row_number() over (partition by article_id order by article_mime_data_id) = 1

    )

select
    articles.article_id,
    articles.ticket_id,
    sender_types.article_sender_type_name as sender_type,
    channels.communication_channel_name as channel,
    articles.is_visible_for_customer,
    articles.created_by_agent_id,
    first_mime.from_header,
    first_mime.to_header,
    first_mime.cc_header,
    first_mime.bcc_header,
    first_mime.subject,
    concat_ws(chr(10) || chr(10), nullif(first_mime.body, ''), chats.dialogue) as plain_body,
    articles.created_at
from articles
left join first_mime on articles.article_id = first_mime.article_id
left join chats on articles.article_id = chats.article_id
left join sender_types on articles.article_sender_type_id = sender_types.article_sender_type_id
left join channels on articles.communication_channel_id = channels.communication_channel_id
