-- Every priority of a ticket has a decision, and a person has confirmed it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select priorities.ticket_priority_name, decisions.decision
from {{ ref("stg_otrs__ticket_priorities") }} as priorities
semi join
    {{ ref("stg_otrs__tickets") }} as tickets on priorities.ticket_priority_id = tickets.ticket_priority_id
left join
    {{ ref("ticket_priorities") }} as decisions on priorities.ticket_priority_id = decisions.otrs_priority_id
where decisions.decision is distinct from 'confirmed' or decisions.attribute_value is null
