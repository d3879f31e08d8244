-- Proposal for the mapping `agents`: the teammate with the agent's address. Somebody of a similar name is
-- only suggested: two people may share a name. Else the fallback teammate.
with
    agents as (select * from {{ ref("int_agents_described") }}),

    admins as (

        select email, min(admin_name) as admin_name from {{ ref("stg_intercom__admins") }} group by email

    ),

    used as (

        select agent_id, count(*) as used
        from
            (
                select owner_agent_id as agent_id
                from {{ ref("stg_otrs__tickets") }}
                union all
                select created_by_agent_id
                from {{ ref("stg_otrs__articles") }}
            )
        group by agent_id

    ),

    alike as (

        select
            agents.agent_id,
            admins.email,
            name_similarity(agents.agent_name, admins.admin_name).score as score
        from agents
        cross join admins
        where agents.agent_id != 1 and lower(trim(agents.email)) not in (select email from admins)
        qualify
            row_number() over (partition by agents.agent_id order by score desc nulls last, admins.email) = 1
            and score >= {{ var("similar_names_score") }}

    )

select
    agents.agent_id as otrs_agent_id,
    agents.agent_login as otrs_login,
    agents.agent_name as otrs_name,
    agents.email as otrs_email,
    case when coalesce(admins.email, alike.email) is not null then 'teammate' else 'fallback' end as target,
    coalesce(admins.email, alike.email) as teammate_email,
    case
        when admins.email is not null or agents.agent_id = 1 then 'proposed' else 'requires_admin_decision'
    end as decision,
    case
        when admins.email is not null
        then 'a teammate has this address'
        when agents.agent_id = 1
        then 'the system itself, not a person'
        when alike.email is not null
        then 'a teammate has a similar name, but another address: the same person?'
        when agents.is_valid
        then 'no teammate has this address: provision one, name another, or confirm the fallback'
        else 'no longer valid in OTRS: confirm the fallback or name a teammate'
    end as reason,
    case
        when admins.email is not null
        then 100
        when agents.agent_id = 1
        then 90
        else coalesce(round(alike.score)::integer, 0)
    end as score,
    coalesce(used.used, 0) as used
from agents
left join admins on lower(trim(agents.email)) = admins.email
left join alike on agents.agent_id = alike.agent_id
left join used on agents.agent_id = used.agent_id
