with
    source as (select * from {{ source("raw_otrs", "sla") }}),

    renamed as (

        select
            -- ids
            id as sla_id,
            type_id as sla_type_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as sla_name,
            nullif(calendar_name, '') as calendar_name,
            comments as remark,

            -- minutes of working time, 0 = no limit
            first_response_time as first_response_minutes,
            update_time as update_minutes,
            solution_time as solution_minutes,
            min_time_bet_incidents as minutes_between_incidents,

            -- percent
            first_response_notify as first_response_warning_percent,
            update_notify as update_warning_percent,
            solution_notify as solution_warning_percent,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
