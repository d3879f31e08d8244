with
    source as (select * from {{ source("raw_otrs", "configitem") }}),

    renamed as (

        select
            -- ids
            id as config_item_id,
            class_id,
            last_version_id as last_config_item_version_id,
            cur_depl_state_id as deployment_state_id,
            cur_inci_state_id as incident_state_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            configitem_number as config_item_number,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
