-- Raw mails, wherever they are kept: in the database under their name of OTRS 6 or of OTRS 5, or on disk.
select
    'article_data_mime_plain' as table_name,
    id,
    'otrs:article_plain:' || id as attachment_key,
    article_id,
    null as missing_reason,
    create_time,
    create_by,
    change_time,
    change_by,
    null::timestamp as modified_at
from {{ source("raw_otrs", "article_data_mime_plain") }}

union all

select
    'article_plain',
    id,
    'otrs:article_plain:' || id,
    article_id,
    null,
    create_time,
    create_by,
    change_time,
    change_by,
    null
from {{ source("raw_otrs", "article_plain") }}

union all

select 'article_files', null, file_key, article_id, missing_reason, null, null, null, null, modified_at
from {{ source("raw_otrs", "article_files") }}
where is_plain_mail
