with
    source as (select * from {{ source("raw_otrs", "queue_auto_response") }}),

    renamed as (

        select
            -- ids
            id as queue_auto_response_id,
            queue_id,
            auto_response_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
