-- HTML bodies, decoded by their own charset and reduced to what Intercom keeps, with the names of the files
-- where images stood. A table, since a Python function does it.
with
    attachments as (

        select article_id, file_key, content_type, sha256
        from {{ ref("int_attachments_classified") }}
        where is_html_body and missing_reason is null

    ),

    images as ({{ image_names(ref("int_attachments_classified")) }}),

    contents as (select attachment_key, content from {{ ref("stg_otrs__attachment_contents") }}),

    cleaned as (

        select
            attachments.article_id,
            attachments.file_key,
            attachments.sha256,
            html_body(contents.content, attachments.content_type, images.names) as answer
        from attachments
        inner join contents on attachments.file_key = contents.attachment_key
        left join images on attachments.article_id = images.article_id

    )

select article_id, file_key, sha256, answer.value as body_html, answer.error as error
from cleaned
