with
    source as (select * from {{ source("raw_otrs", "sysconfig_modified") }}),

    renamed as (

        select
            -- ids
            id as setting_change_id,
            sysconfig_default_id as setting_id,
            user_id as agent_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as setting_name,

            -- YAML
            effective_value,

            -- booleans
            is_valid = 1 as is_enabled,
            is_dirty = 1 as is_undeployed,
            reset_to_default = 1 as is_reset,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
