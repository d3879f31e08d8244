with
    source as (select * from {{ source("raw_otrs", "ticket_history") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }} where table_name = 'ticket_history'),

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
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at,
            {{ to_utc("change_time", "first_passes.changed_earlier_by") }} as changed_at

        from source
        left join first_passes on source.id = first_passes.row_id

    )

select *
from renamed
