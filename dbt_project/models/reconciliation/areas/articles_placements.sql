with
    requests as (select * from {{ ref("requests") }}),

    parts as (select * from {{ ref("conversation_parts") }} where not is_synthetic),

    tickets as (select * from {{ ref("int_tickets_decided") }}),

    articles as (select * from {{ ref("int_articles_unified") }}),

    files_in_requests as (

        select slot, unnest(json_extract_string(payload, '$.attachment_files[*].data."$file"')) as file_key
        from requests
        where kind = 'conversation.reply'

    ),

    files as (select file_key, min(size) as size from {{ ref("part_files") }} group by file_key),

    placed as (

        select
            'article' as source_table,
            parts.otrs_article_id::varchar as source_id,
            'request' as place,
            requests.slot as detail,
            null::bigint as bytes
        from parts
        inner join
            requests
            on requests.slot
            = 'conversation/'
            || parts.conversation_key
            || case when parts.is_opening then '' else '/part/' || parts.part_key end

        union all

        select
            'article',
            articles.article_id::varchar,
            'exclusion',
            case when tickets.ticket_id is null then 'orphan_article' else 'ticket_not_loaded' end,
            null
        from articles
        left join tickets on articles.ticket_id = tickets.ticket_id
        where tickets.ticket_id is null or not tickets.is_loaded

        union all

        select 'article_data_mime_attachment', files.file_key, 'request', files_in_requests.slot, files.size
        from files_in_requests
        left join files on files_in_requests.file_key = files.file_key

        union all

        select 'article_data_mime_attachment', file_key, 'exclusion', exclusion_code, size_bytes
        from {{ ref("int_files_decided") }}
        where exclusion_code is not null

    )

select *
from placed
