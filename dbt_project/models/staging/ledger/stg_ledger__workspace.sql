with
    source as (select * from {{ source("raw_ledger", "workspace") }}),

    renamed as (

        select
            -- ids
            workspace_id,

            -- text
            region

        from source

    )

select *
from renamed
