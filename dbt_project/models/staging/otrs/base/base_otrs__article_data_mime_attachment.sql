-- Files of articles, wherever they are kept: in the database under their name of OTRS 6 or of OTRS 5, or on
-- disk. After a change of the storage the older articles stay where they were, so one source can have both.
select
    'article_data_mime_attachment' as table_name,
    id,
    'otrs:attachment:' || id as attachment_key,
    article_id,
    filename,
    content_size,
    content_type,
    content_id,
    content_alternative,
    disposition,
    null as missing_reason,
    create_time,
    create_by,
    change_time,
    change_by,
    null::timestamp as modified_at
from {{ source("raw_otrs", "article_data_mime_attachment") }}

union all

select
    'article_attachment',
    id,
    'otrs:attachment:' || id,
    article_id,
    filename,
    content_size,
    content_type,
    content_id,
    content_alternative,
    disposition,
    null,
    create_time,
    create_by,
    change_time,
    change_by,
    null
from {{ source("raw_otrs", "article_attachment") }}

union all

select
    'article_files',
    null,
    file_key,
    article_id,
    filename,
    size::varchar,
    content_type,
    content_id,
    content_alternative,
    disposition,
    missing_reason,
    null,
    null,
    null,
    null,
    modified_at
from {{ source("raw_otrs", "article_files") }}
where not coalesce(is_plain_mail, false)
