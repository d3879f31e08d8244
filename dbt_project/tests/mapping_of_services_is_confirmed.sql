-- Every service that OTRS offers, or that becomes an article, has a decision that a person has confirmed.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select services.service_id, services.service_name, decisions.target, decisions.decision
from {{ ref("stg_otrs__services") }} as services
left join {{ ref("services") }} as decisions on services.service_id = decisions.otrs_service_id
where
    (services.is_valid or decisions.target = 'article')
    and (decisions.decision is distinct from 'confirmed' or decisions.target is null)
