-- Which attachments travel as files of a part, which are kept outside Intercom, and which stay behind. A
-- file that is kept outside stands under the SHA-256 of its own bytes: who does not have it cannot guess
-- that.
{% set folder = (
    env_var("FILE_STORAGE__PUBLIC_URL", "") or env_var("FILE_STORAGE__URL", "") or "files"
).rstrip("/") %}
-- no name and password that may stand in the storage's own address
{% set folder = modules.re.sub("//[^/@]*@", "//", folder) | replace("'", "''") %}
with
    attachments as (select * from {{ ref("int_attachments_classified") }}),

    articles as (select * from {{ ref("int_articles_unified") }}),

    tickets as (select * from {{ ref("int_tickets_decided") }}),

    decided as (

        select
            attachments.*,
            articles.ticket_id,
            case
                when articles.article_id is null
                then 'orphan_attachment'
                when tickets.ticket_id is null
                then 'orphan_article'
                when not tickets.is_loaded
                then 'ticket_not_loaded'
                when attachments.is_html_body
                then 'html_body'
                when attachments.is_plain_body
                then 'plain_body'
                when attachments.missing_reason is not null or attachments.sha256 is null
                then 'file_missing'
                when attachments.size_bytes > {{ var("file_size_limit") }}
                then 'file_over_size_limit'
            end as exclusion_code
        from attachments
        left join articles on attachments.article_id = articles.article_id
        left join tickets on articles.ticket_id = tickets.ticket_id

    ),

    stored as (

        select
            *,
            case
                when exclusion_code = 'file_over_size_limit'
                then
                    sha256
                    || '/'
                    || coalesce(
                        nullif(
                            -- the end of the name, which tells the type
                            right(ltrim(regexp_replace(file_name, '[^A-Za-z0-9._-]+', '_', 'g'), '._-'), 80),
                            ''
                        ),
                        'file'
                    )
            end as storage_path
        from decided

    )

select
    *,
    '{{ folder }}/' || storage_path as storage_link,
    case
        when exclusion_code is null
        then row_number() over (partition by article_id, exclusion_code is null order by article_position)
    end as file_number
from stored
