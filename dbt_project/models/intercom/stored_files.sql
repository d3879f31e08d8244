-- Files that are kept outside Intercom, since they are larger than it takes.
select
    -- ids
    file_key,
    'stored_file/' || md5(storage_path) as slot,
    article_id as otrs_article_id,
    attachment_id as otrs_attachment_id,

    -- text
    file_name as name,
    media_type as content_type,
    sha256,
    storage_path,
    storage_link as link,
    'larger than the limit of {{ var("file_size_limit") }} bytes' as reason,

    -- bytes
    size_bytes as size
from {{ ref("int_files_decided") }}
where storage_path is not null
