{{ config(alias="ticket_vocabulary") }}

-- Types, priorities and states of tickets with what they became.
with
    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    vocabulary as (

        select
            'type' as kind,
            types.ticket_type_id as otrs_id,
            types.ticket_type_name as otrs_name,
            null::varchar as otrs_state_type,
            types.is_valid,
            decisions.attribute_value as becomes,
            decisions.decision
        from {{ ref("stg_otrs__ticket_types") }} as types
        left join {{ ref("ticket_types") }} as decisions on types.ticket_type_id = decisions.otrs_type_id

        union all

        select
            'priority',
            priorities.ticket_priority_id,
            priorities.ticket_priority_name,
            null,
            priorities.is_valid,
            decisions.attribute_value,
            decisions.decision
        from {{ ref("stg_otrs__ticket_priorities") }} as priorities
        left join
            {{ ref("ticket_priorities") }} as decisions
            on priorities.ticket_priority_id = decisions.otrs_priority_id

        union all

        select
            'state',
            states.ticket_state_id,
            states.ticket_state_name,
            types.ticket_state_type_name,
            states.is_valid,
            decisions.intercom_state,
            decisions.decision
        from {{ ref("stg_otrs__ticket_states") }} as states
        left join
            {{ ref("stg_otrs__ticket_state_types") }} as types
            on states.ticket_state_type_id = types.ticket_state_type_id
        left join {{ ref("ticket_states") }} as decisions on states.ticket_state_id = decisions.otrs_state_id

    ),

    counted as (

        select 'type' as kind, ticket_type_id as otrs_id, count(*) as ticket_count
        from tickets
        group by all
        union all
        select 'priority', ticket_priority_id, count(*)
        from tickets
        group by all
        union all
        select 'state', ticket_state_id, count(*)
        from tickets
        group by all

    )

select
    vocabulary.kind,
    vocabulary.otrs_id,
    vocabulary.otrs_name,
    vocabulary.otrs_state_type,
    vocabulary.is_valid,
    coalesce(counted.ticket_count, 0) as ticket_count,
    vocabulary.becomes,
    vocabulary.decision
from vocabulary
left join counted on vocabulary.kind = counted.kind and vocabulary.otrs_id = counted.otrs_id
