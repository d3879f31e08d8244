with
    files as (select * from {{ ref("int_files_decided") }} where exclusion_code is null),

    placed as (select * from {{ ref("int_parts_placed") }})

select
    -- ids
    files.file_key,
    placed.part_key,
    files.file_number - placed.first_file + 1 as position,
    files.attachment_id as otrs_attachment_id,

    -- text
    files.file_name as name,
    files.media_type as content_type,
    files.sha256,

    -- bytes
    files.size_bytes as size
from files
inner join
    placed
    on files.article_id = placed.article_id
    and files.file_number between placed.first_file and placed.last_file
