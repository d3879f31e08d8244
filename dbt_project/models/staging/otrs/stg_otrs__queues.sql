with
    source as (select * from {{ source("raw_otrs", "queue") }}),

    renamed as (

        select
            -- ids
            id as queue_id,
            group_id,
            system_address_id,
            salutation_id,
            signature_id,
            follow_up_id as follow_up_option_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as queue_name,
            nullif(calendar_name, '') as calendar_name,
            nullif(default_sign_key, '') as default_sign_key,
            comments as remark,

            -- minutes of working time, 0 = no limit
            unlock_timeout as unlock_minutes,
            first_response_time as first_response_minutes,
            update_time as update_minutes,
            solution_time as solution_minutes,

            -- percent
            first_response_notify as first_response_warning_percent,
            update_notify as update_warning_percent,
            solution_notify as solution_warning_percent,

            -- booleans
            follow_up_lock = 1 as is_follow_up_locked,
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
