{{ config(alias="queues") }}

-- Queues with their rules, as OTRS has them, and the team that they became.
with
    queues as (select * from {{ ref("stg_otrs__queues") }}),

    calendars as ({{ calendar_names() }}),

    tickets as (

        select
            tickets.queue_id,
            count(*) as ticket_count,
            count(*) filter (
                where types.ticket_state_type_name not in ('closed', 'merged', 'removed')
            ) as open_ticket_count
        from {{ ref("stg_otrs__tickets") }} as tickets
        left join
            {{ ref("stg_otrs__ticket_states") }} as states on tickets.ticket_state_id = states.ticket_state_id
        left join
            {{ ref("stg_otrs__ticket_state_types") }} as types
            on states.ticket_state_type_id = types.ticket_state_type_id
        group by tickets.queue_id

    )

select
    queues.queue_id,
    queues.queue_name,
    nullif(regexp_extract(queues.queue_name, '^(.*)::', 1), '') as parent_queue,
    groups.group_name,
    queues.is_valid,
    queues.first_response_minutes,
    queues.first_response_warning_percent,
    queues.update_minutes,
    queues.update_warning_percent,
    queues.solution_minutes,
    queues.solution_warning_percent,
    queues.unlock_minutes,
    case
        when queues.calendar_name is null
        then 'default'
        else coalesce(calendars.value, 'Calendar ' || queues.calendar_name)
    end as calendar,
    follow_ups.follow_up_option_name as follow_up,
    queues.is_follow_up_locked,
    addresses.email as sender_address,
    salutations.salutation_name,
    signatures.signature_name,
    queues.remark,
    coalesce(tickets.ticket_count, 0) as ticket_count,
    coalesce(tickets.open_ticket_count, 0) as open_ticket_count,
    decisions.team_name,
    decisions.decision
from queues
left join {{ ref("stg_otrs__groups") }} as groups on queues.group_id = groups.group_id
left join calendars on queues.calendar_name = calendars.calendar_number
left join
    {{ ref("stg_otrs__follow_up_options") }} as follow_ups
    on queues.follow_up_option_id = follow_ups.follow_up_option_id
left join
    {{ ref("stg_otrs__system_addresses") }} as addresses
    on queues.system_address_id = addresses.system_address_id
left join
    {{ ref("stg_otrs__salutations") }} as salutations on queues.salutation_id = salutations.salutation_id
left join {{ ref("stg_otrs__signatures") }} as signatures on queues.signature_id = signatures.signature_id
left join tickets on queues.queue_id = tickets.queue_id
left join {{ ref("queues") }} as decisions on queues.queue_id = decisions.otrs_queue_id
