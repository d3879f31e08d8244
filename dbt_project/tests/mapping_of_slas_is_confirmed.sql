-- Every service level agreement of a ticket has a decision, and a tag that is wanted has a name.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select slas.sla_name, decisions.target, decisions.decision
from {{ ref("stg_otrs__slas") }} as slas
semi join {{ ref("stg_otrs__tickets") }} as tickets on slas.sla_id = tickets.sla_id
left join {{ ref("slas") }} as decisions on slas.sla_id = decisions.otrs_sla_id
where
    decisions.decision is distinct from 'confirmed'
    or decisions.target is null
    or (decisions.target = 'tag' and trim(coalesce(decisions.tag_name, '')) = '')
