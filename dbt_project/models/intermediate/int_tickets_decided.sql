-- Which tickets go to Intercom and in which state: the mapping decides, the snapshot's time is the clock.
with
    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    states as (select * from {{ ref("stg_otrs__ticket_states") }}),

    state_types as (select * from {{ ref("stg_otrs__ticket_state_types") }}),

    decisions as (select * from {{ ref("ticket_states") }}),

    profile as (select snapshot_at from {{ ref("stg_otrs__source_profile") }}),

    -- OTRS keeps an old pending time when a ticket leaves the pending state: it means nothing then.
    described as (

        select
            tickets.ticket_id,
            tickets.ticket_number,
            states.ticket_state_name as otrs_state,
            state_types.ticket_state_type_name as otrs_state_type,
            case
                when state_types.ticket_state_type_name like 'pending%' then tickets.pending_until
            end as pending_until,
            decisions.intercom_state as decided_state
        from tickets
        left join states on tickets.ticket_state_id = states.ticket_state_id
        left join state_types on states.ticket_state_type_id = state_types.ticket_state_type_id
        left join decisions on tickets.ticket_state_id = decisions.otrs_state_id

    )

select
    described.ticket_id,
    described.ticket_number,
    'otrs:ticket:' || described.ticket_id as ticket_key,
    described.otrs_state,
    described.otrs_state_type,
    described.pending_until,
    described.decided_state,
    case
        when described.decided_state = 'snoozed'
        then case when described.pending_until > profile.snapshot_at then 'snoozed' else 'open' end
        else described.decided_state
    end as state,
    coalesce(described.decided_state, '') != 'not_loaded' as is_loaded
from described
cross join profile
