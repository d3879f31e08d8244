with
    source as (select * from {{ source("raw_otrs", "virtual_fs") }}),

    renamed as (

        select
            -- ids
            id as virtual_file_id,
            backend_key,

            -- text
            filename as file_path,
            backend,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
