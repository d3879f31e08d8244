-- Where each row of the tables of articles ended up: in a request of the plan, or among the exclusions.
with
    requests as (select * from {{ ref("requests") }}),

    files as (select * from {{ ref("int_files_decided") }}),

    -- The request that carries an article, or the beginning of one that is too long for one part.
    article_requests as (

        select parts.otrs_article_id as article_id, requests.slot
        from {{ ref("conversation_parts") }} as parts
        inner join requests on requests.slot = {{ part_slot("parts") }}
        where parts.part_key = 'otrs:article:' || parts.otrs_article_id

    ),

    article_reasons as (

        select
            articles.article_id,
            case
                when tickets.ticket_id is null then 'orphan_article' else 'ticket_not_loaded'
            end as reason_code
        from {{ ref("stg_otrs__articles") }} as articles
        left join {{ ref("int_tickets_decided") }} as tickets on articles.ticket_id = tickets.ticket_id
        where tickets.ticket_id is null or not tickets.is_loaded

    ),

    article_places as (

        select article_id, 'request' as place, slot as detail
        from article_requests
        union all
        select article_id, 'exclusion', reason_code
        from article_reasons

    ),

    -- Rows that hold the text of an article.
    texts as (

        select
            'article_data_mime' as source_table,
            article_mime_data_id::varchar as source_id,
            article_id,
            row_number() over (partition by article_id order by article_mime_data_id) = 1 as is_text
        from {{ ref("stg_otrs__article_mime_data") }}

        union all

        select 'article_data_otrs_chat', article_id || '|' || line_number, article_id, true
        from {{ ref("stg_otrs__chat_messages") }}

    ),

    raw_mails as (

        select attachment_key as source_id, article_id from {{ ref("stg_otrs__article_plain_mails") }}

    ),

    known_articles as (select article_id from {{ ref("stg_otrs__articles") }}),

    -- Articles whose plain text is sent although they have HTML.
    plain_comments as (

        select distinct article_id from {{ ref("int_articles_rendered") }} where body_format = 'text'

    ),

    files_in_requests as (

        select slot, unnest(json_extract_string(payload, '$.attachment_files[*].data."$file"')) as file_key
        from requests
        where kind = 'conversation.reply'

    ),

    placed as (

        select
            'article' as source_table, article_id::varchar as source_id, place, detail, null::bigint as bytes
        from article_places

        union all

        select texts.source_table, texts.source_id, article_places.place, article_places.detail, null
        from texts
        inner join article_places on texts.article_id = article_places.article_id
        where texts.is_text

        union all

        select texts.source_table, texts.source_id, 'exclusion', 'second_text_of_article', null
        from texts
        semi join known_articles on texts.article_id = known_articles.article_id
        where not texts.is_text

        union all

        select texts.source_table, texts.source_id, 'exclusion', 'orphan_of_article', null
        from texts
        anti join known_articles on texts.article_id = known_articles.article_id

        union all

        select
            'article_data_mime_plain',
            raw_mails.source_id,
            'exclusion',
            case
                when article_places.place = 'request'
                then 'raw_mail_of_loaded_article'
                else article_places.detail
            end,
            null
        from raw_mails
        inner join article_places on raw_mails.article_id = article_places.article_id

        union all

        select 'article_data_mime_plain', raw_mails.source_id, 'exclusion', 'orphan_of_article', null
        from raw_mails
        anti join known_articles on raw_mails.article_id = known_articles.article_id

        union all

        select
            'article_data_mime_attachment',
            files_in_requests.file_key,
            'request',
            files_in_requests.slot,
            files.size_bytes
        from files_in_requests
        left join files on files_in_requests.file_key = files.file_key

        union all

        select
            'article_data_mime_attachment', stored_files.file_key, 'request', requests.slot, stored_files.size
        from {{ ref("stored_files") }} as stored_files
        inner join requests on stored_files.slot = requests.slot

        union all

        select
            'article_data_mime_attachment',
            files.file_key,
            'exclusion',
            case
                when files.exclusion_code = 'html_body' and plain_comments.article_id is not null
                then 'html_body_of_plain_comment'
                else files.exclusion_code
            end,
            files.size_bytes
        from files
        left join plain_comments on files.article_id = plain_comments.article_id
        where files.exclusion_code != 'file_over_size_limit'

    )

select source_table, source_id, place, detail, bytes
from placed
