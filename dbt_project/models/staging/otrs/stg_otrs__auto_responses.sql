with
    source as (select * from {{ source("raw_otrs", "auto_response") }}),

    renamed as (

        select
            -- ids
            id as auto_response_id,
            type_id as auto_response_type_id,
            system_address_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as auto_response_name,
            text1 as subject,
            text0 as body,
            content_type,
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
