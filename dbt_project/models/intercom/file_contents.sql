{{ config(materialized="view", contract={"enforced": true}) }}

-- The bytes of the files that are sent. A view, so that nothing is stored twice.
select files.file_key, contents.content
from {{ ref("part_files") }} as files
inner join {{ ref("stg_otrs__attachment_contents") }} as contents on files.file_key = contents.attachment_key
