with
    source as (select * from {{ source("raw_otrs", "ticket") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }} where table_name = 'ticket'),

    renamed as (

        select
            -- ids
            id as ticket_id,
            queue_id,
            ticket_state_id,
            ticket_priority_id,
            ticket_lock_id as ticket_lock_type_id,
            type_id as ticket_type_id,
            service_id,
            sla_id,
            user_id as owner_agent_id,
            responsible_user_id as responsible_agent_id,
            customer_id,
            customer_user_id as customer_user_login,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            tn as ticket_number,
            title,

            -- booleans
            archive_flag = 1 as is_archived,

            -- timestamps, UTC
            {{ from_epoch("timeout") }} as lock_ends_at,
            {{ from_epoch("until_time") }} as pending_until,
            {{ from_epoch("escalation_time") }} as escalates_at,
            {{ from_epoch("escalation_response_time") }} as first_response_due_at,
            {{ from_epoch("escalation_update_time") }} as update_due_at,
            {{ from_epoch("escalation_solution_time") }} as solution_due_at,
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at,
            {{ to_utc("change_time", "first_passes.changed_earlier_by") }} as changed_at

        from source
        left join first_passes on source.id = first_passes.row_id

    )

select *
from renamed
