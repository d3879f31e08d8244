-- An attachment that is the article's body, by the rule of OTRS's own code (MIMEBase.pm,
-- ArticleAttachmentIndex): the first inline `file-1`, `file-2` or `file-1.html` with text/html is the HTML
-- body; `file-1` with text/plain repeats the plain body.
with
    attachments as (select * from {{ ref("stg_otrs__article_attachments") }}),

    contents as (select * from {{ ref("stg_otrs__attachment_contents") }}),

    described as (

        select
            attachments.attachment_key as file_key,
            attachments.attachment_id,
            attachments.article_id,
            -- As OTRS lists them: rows of the database by id, files on disk by the bytes of their names.
            row_number() over (
                partition by attachments.article_id
                order by
                    attachments.attachment_id nulls last, attachments.filename, attachments.attachment_key
            ) as article_position,
            attachments.filename,
            attachments.content_type,
            attachments.content_id,
            contents.size as size_bytes,
            contents.sha256,
            coalesce(attachments.missing_reason, contents.missing_reason) as missing_reason,
            case
                when coalesce(attachments.disposition, '') != ''
                then attachments.disposition
                when attachments.content_type ilike '%image/%' and coalesce(attachments.content_id, '') != ''
                then 'inline'
                when regexp_matches(attachments.filename, 'file-[12]')
                then 'inline'
                else 'attachment'
            end as disposition,
            attachments.created_at
        from attachments
        left join contents on attachments.attachment_key = contents.attachment_key

    ),

    candidates as (

        select
            *,
            content_type ilike '%text/html%'
            and disposition = 'inline'
            and filename in ('file-1', 'file-2', 'file-1.html') as could_be_html_body,
            content_type ilike '%text/plain%'
            and disposition = 'inline'
            and filename = 'file-1' as could_be_plain_body
        from described

    ),

    ranked as (

        select
            *,
            row_number() over (
                partition by article_id, could_be_html_body order by filename, article_position
            ) as html_rank,
            row_number() over (
                partition by article_id, could_be_plain_body order by filename, article_position
            ) as plain_rank
        from candidates

    )

select
    file_key,
    attachment_id,
    article_id,
    article_position,
    coalesce(
        nullif(trim(filename), ''), 'attachment-' || coalesce(attachment_id, article_position)
    ) as file_name,
    coalesce(nullif(trim(split_part(content_type, ';', 1)), ''), 'application/octet-stream') as media_type,
    content_type,
    content_id,
    disposition,
    size_bytes,
    sha256,
    missing_reason,
    coalesce(could_be_html_body and html_rank = 1, false) as is_html_body,
    coalesce(could_be_plain_body and plain_rank = 1, false) as is_plain_body,
    created_at
from ranked
