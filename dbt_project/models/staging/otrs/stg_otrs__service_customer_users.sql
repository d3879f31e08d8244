with
    source as (select * from {{ source("raw_otrs", "service_customer_user") }}),

    renamed as (

        select
            -- ids
            customer_user_login,
            service_id,
            create_by as created_by_agent_id,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
