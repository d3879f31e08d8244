{{ config(materialized="view", contract={"enforced": true}) }}

-- The bytes of the files that are sent or kept outside. A view, so that nothing is stored twice.
with
    files as (

        select file_key
        from {{ ref("part_files") }}
        union all
        select file_key
        from {{ ref("stored_files") }}

    )

select files.file_key, contents.content
from files
inner join {{ ref("stg_otrs__attachment_contents") }} as contents on files.file_key = contents.attachment_key
