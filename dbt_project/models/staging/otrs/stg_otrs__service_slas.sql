with
    source as (select * from {{ source("raw_otrs", "service_sla") }}),

    renamed as (

        select
            -- ids
            service_id, sla_id

        from source

    )

select *
from renamed
