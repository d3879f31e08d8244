with
    source as (select * from {{ source("raw_otrs", "calendar") }}),

    renamed as (

        select
            -- ids
            id as calendar_id,
            group_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as calendar_name,
            color,

            -- YAML
            ticket_appointments,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
