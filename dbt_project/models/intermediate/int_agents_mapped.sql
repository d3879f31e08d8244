-- Which teammate stands for which agent. An agent without one speaks through the fallback teammate.
with
    agents as (select * from {{ ref("int_agents_described") }}),

    decisions as (select * from {{ ref("agents") }}),

    admins as (select email, min(admin_id) as admin_id from {{ ref("stg_intercom__admins") }} group by email),

    described as (

        select
            agents.*,
            decisions.target,
            decisions.decision,
            lower(trim(decisions.teammate_email)) as teammate_email
        from agents
        left join decisions on agents.agent_id = decisions.otrs_agent_id

    ),

    -- Nobody, when the teammate who was named does not exist: the gate stays closed instead of guessing.
    fallback as (

        select
            case
                when '{{ var("fallback_teammate_email") }}' = ''
                then max(me.admin_id)
                else max(admins.admin_id)
            end as admin_id
        from {{ ref("stg_intercom__me") }} as me
        left join admins on admins.email = lower(trim('{{ var("fallback_teammate_email") }}'))

    )

select
    described.agent_id,
    'otrs:agent:' || described.agent_id as agent_key,
    described.agent_login,
    described.agent_name,
    described.email,
    described.is_valid,
    described.target,
    described.decision,
    described.teammate_email,
    case when described.target = 'teammate' then admins.admin_id end as teammate_admin_id,
    fallback.admin_id as fallback_admin_id,
    coalesce(case when described.target = 'teammate' then admins.admin_id end, fallback.admin_id) as admin_id,
    described.target is distinct from 'teammate' or admins.admin_id is null as is_fallback
from described
cross join fallback
left join admins on described.teammate_email = admins.email
