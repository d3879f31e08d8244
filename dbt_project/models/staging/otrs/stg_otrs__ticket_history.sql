with
    source as (select * from {{ source("raw_otrs", "ticket_history") }}),

    renamed as (

        select
            -- ids
            id as ticket_history_id,
            ticket_id,
            nullif(article_id, 0) as article_id,
            history_type_id as ticket_history_type_id,
            queue_id,
            owner_id as owner_agent_id,
            state_id as ticket_state_id,
            priority_id as ticket_priority_id,
            type_id as ticket_type_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as details,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
