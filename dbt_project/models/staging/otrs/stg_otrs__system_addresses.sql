with
    source as (select * from {{ source("raw_otrs", "system_address") }}),

    renamed as (

        select
            -- ids
            id as system_address_id,
            queue_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            value0 as email,
            value1 as display_name,
            comments as remark,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
