with
    source as (select * from {{ source("raw_otrs", "attachment_contents") }}),

    renamed as (

        select
            -- ids
            attachment_key,
            article_id,

            -- text
            filename,
            sha256,
            missing_reason,

            -- numbers
            size,

            -- file contents
            content

        from source

    )

select *
from renamed
