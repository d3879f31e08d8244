with
    source as (select * from {{ source("raw_otrs", "virtual_fs_db") }}),

    renamed as (

        select
            -- ids
            id as virtual_file_content_id,

            -- text
            filename as file_path,

            -- file contents
            content,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
