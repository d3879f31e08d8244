with
    source as (select * from {{ source("raw_otrs", "group_customer_user") }}),

    renamed as (

        select
            -- ids
            user_id as customer_user_login,
            group_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            permission_key,

            -- booleans
            coalesce(permission_value, 1) = 1 as is_granted,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
