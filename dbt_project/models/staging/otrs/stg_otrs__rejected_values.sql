with
    source as (select * from {{ ref("base_otrs__rejected") }}),

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
