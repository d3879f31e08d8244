-- Source records that are not loaded, each with its reason.
with
    tickets as (select * from {{ ref("int_tickets_decided") }}),

    articles as (select * from {{ ref("int_articles_unified") }}),

    files as (select * from {{ ref("int_files_decided") }} where exclusion_code is not null),

    reasons as (select * from {{ ref("exclusion_reasons") }}),

    excluded as (

        select
            'ticket' as source_table,
            ticket_id::varchar as source_id,
            'ticket_not_loaded' as reason_code,
            null::bigint as bytes
        from tickets
        where not is_loaded

        union all

        select
            'article',
            articles.article_id::varchar,
            case when tickets.ticket_id is null then 'orphan_article' else 'ticket_not_loaded' end,
            null
        from articles
        left join tickets on articles.ticket_id = tickets.ticket_id
        where tickets.ticket_id is null or not tickets.is_loaded

        union all

        select 'article_data_mime_attachment', file_key, exclusion_code, size_bytes
        from files

    )

select excluded.source_table, excluded.source_id, excluded.reason_code, reasons.reason, excluded.bytes
from excluded
left join reasons on excluded.reason_code = reasons.reason_code
