with
    source as (select * from {{ source("raw_otrs", "configitem_version") }}),

    renamed as (

        select
            -- ids
            id as config_item_version_id,
            configitem_id as config_item_id,
            definition_id as config_item_definition_id,
            depl_state_id as deployment_state_id,
            inci_state_id as incident_state_id,
            create_by as created_by_agent_id,

            -- text
            name as config_item_name,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
