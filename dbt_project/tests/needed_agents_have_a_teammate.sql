-- An agent who owns or wrote something that is loaded needs a teammate who exists, or the confirmed fallback.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    needed as (

        select otrs_owner as otrs_login
        from {{ ref("conversations") }}
        union
        select agents.agent_login
        from {{ ref("int_articles_authored") }} as articles
        inner join {{ ref("int_agents_mapped") }} as agents on articles.author_key = agents.agent_key

    )

select agents.agent_login, agents.agent_name, agents.email, agents.target, agents.decision
from {{ ref("int_agents_mapped") }} as agents
semi join needed on agents.agent_login = needed.otrs_login
where
    agents.decision is distinct from 'confirmed'
    or (agents.target = 'teammate' and agents.teammate_admin_id is null)
    or agents.admin_id is null
