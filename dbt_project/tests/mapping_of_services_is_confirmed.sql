-- Every service has a decision, and a person has confirmed it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select services.service_id, services.service_name, decisions.target, decisions.decision
from {{ ref("stg_otrs__services") }} as services
left join {{ ref("services") }} as decisions on services.service_id = decisions.otrs_service_id
where decisions.decision is distinct from 'confirmed' or decisions.target is null
