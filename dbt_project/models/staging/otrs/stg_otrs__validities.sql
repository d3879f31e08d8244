with
    source as (select * from {{ source("raw_otrs", "valid") }}),

    renamed as (

        select
            -- ids
            id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as validity_name,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
