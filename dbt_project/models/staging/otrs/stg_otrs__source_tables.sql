with
    source as (select * from {{ source("raw_otrs", "source_tables") }}),

    renamed as (

        select
            -- ids
            table_name,
            canonical_name,

            -- text
            reason,

            -- numbers
            row_count,
            bytes,

            -- booleans
            is_read,
            customer_data as has_customer_data

        from source

    )

select *
from renamed
