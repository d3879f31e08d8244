with
    source as (select * from {{ source("raw_otrs", "pm_transition_action") }}),

    renamed as (

        select
            -- ids
            id as process_transition_action_id,
            entity_id as process_transition_action_entity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as process_transition_action_name,

            -- YAML
            config,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
