-- Proposal for the mapping `ticket_states`, by the state's type: names can be edited in OTRS, types cannot.
with
    states as (select * from {{ ref("stg_otrs__ticket_states") }}),

    types as (select * from {{ ref("stg_otrs__ticket_state_types") }}),

    used as (

        select ticket_state_id, count(*) as used from {{ ref("stg_otrs__tickets") }} group by ticket_state_id

    )

select
    states.ticket_state_id as otrs_state_id,
    states.ticket_state_name as otrs_state,
    types.ticket_state_type_name as otrs_state_type,
    case
        when types.ticket_state_type_name in ('new', 'open')
        then 'open'
        when types.ticket_state_type_name in ('closed', 'merged')
        then 'closed'
        when types.ticket_state_type_name like 'pending%'
        then 'snoozed'
        when types.ticket_state_type_name = 'removed'
        then 'not_loaded'
    end as intercom_state,
    case
        when
            types.ticket_state_type_name in ('new', 'open', 'closed', 'merged', 'removed')
            or types.ticket_state_type_name like 'pending%'
        then 'proposed'
        else 'requires_admin_decision'
    end as decision,
    case
        when types.ticket_state_type_name like 'pending%'
        then 'snoozed until the pending time, open when it has passed'
        when types.ticket_state_type_name = 'removed'
        then 'removed in OTRS: listed, not loaded'
        when types.ticket_state_type_name = 'merged'
        then 'its articles are in the ticket it was merged into'
        else 'by the type of the state'
    end as reason,
    case
        when types.ticket_state_type_name in ('new', 'open', 'closed')
        then 100
        when
            types.ticket_state_type_name in ('merged', 'removed')
            or types.ticket_state_type_name like 'pending%'
        then 90
        else 0
    end as score,
    coalesce(used.used, 0) as used
from states
left join used on states.ticket_state_id = used.ticket_state_id
left join types on states.ticket_state_type_id = types.ticket_state_type_id
