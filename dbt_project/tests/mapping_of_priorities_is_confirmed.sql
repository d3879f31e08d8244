select priorities.ticket_priority_name, decisions.decision
from {{ ref("stg_otrs__ticket_priorities") }} as priorities
semi join {{ ref("stg_otrs__tickets") }} as tickets on priorities.ticket_priority_id = tickets.ticket_priority_id
left join {{ ref("ticket_priorities") }} as decisions on priorities.ticket_priority_id = decisions.otrs_priority_id
left join (select count(*) as n from {{ ref("requests") }}) as plan on true
where decisions.decision is distinct from 'confirmed' or decisions.attribute_value is null
