-- Every type of a loaded ticket has a decision, and a person has confirmed it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select types.ticket_type_name, decisions.decision
from {{ ref("stg_otrs__ticket_types") }} as types
semi join {{ ref("stg_otrs__tickets") }} as tickets on types.ticket_type_id = tickets.ticket_type_id
left join {{ ref("ticket_types") }} as decisions on types.ticket_type_id = decisions.otrs_type_id
where decisions.decision is distinct from 'confirmed' or decisions.attribute_value is null
