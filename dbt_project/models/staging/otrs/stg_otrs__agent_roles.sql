with
    source as (select * from {{ source("raw_otrs", "role_user") }}),

    renamed as (

        select
            -- ids
            user_id as agent_id,
            role_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
