-- Every state of a ticket has a decision, and a person has confirmed it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select states.otrs_state, decisions.intercom_state, decisions.decision, count(*) as tickets
from {{ ref("int_tickets_decided") }} as states
left join {{ ref("stg_otrs__tickets") }} as tickets on states.ticket_id = tickets.ticket_id
left join {{ ref("ticket_states") }} as decisions on tickets.ticket_state_id = decisions.otrs_state_id
where decisions.decision is distinct from 'confirmed' or decisions.intercom_state is null
group by all
