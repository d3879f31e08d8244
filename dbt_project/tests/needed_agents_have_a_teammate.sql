-- An agent who owns or wrote something that is loaded needs a teammate who exists, or the confirmed fallback.
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
left join (select count(*) as n from {{ ref("requests") }}) as plan on true
where
    agents.decision is distinct from 'confirmed'
    or (agents.target = 'teammate' and agents.teammate_admin_id is null)
    or agents.admin_id is null
