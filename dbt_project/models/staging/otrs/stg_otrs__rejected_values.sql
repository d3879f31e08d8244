with
    source as (select * from {{ source("raw_otrs", "rejected") }}),

    renamed as (

        select
            -- ids
            table_name,
            row_key,
            column_name,

            -- text
            reason

        from source

    )

select *
from renamed
