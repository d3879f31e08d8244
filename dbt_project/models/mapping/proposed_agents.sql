-- Proposal for the mapping `agents`: the teammate with the agent's address, else the fallback teammate.
with
    agents as (select * from {{ ref("stg_otrs__agents") }}),

    addresses as (

        select agent_id, min(preference_value) as email
        from {{ ref("stg_otrs__agent_preferences") }}
        where preference_key = 'UserEmail' and trim(preference_value) != ''
        group by agent_id

    ),

    admins as (select distinct email from {{ ref("stg_intercom__admins") }}),

    described as (

        select
            agents.agent_id,
            agents.agent_login,
            agents.is_valid,
            trim(concat_ws(' ', agents.first_name, agents.last_name)) as agent_name,
            coalesce(addresses.email, agents.agent_login) as email
        from agents
        left join addresses on agents.agent_id = addresses.agent_id

    )

select
    described.agent_id as otrs_agent_id,
    described.agent_login as otrs_login,
    described.agent_name as otrs_name,
    described.email as otrs_email,
    case when admins.email is not null then 'teammate' else 'fallback' end as target,
    admins.email as teammate_email,
    case
        when admins.email is not null or described.agent_id = 1 then 'proposed' else 'requires_admin_decision'
    end as decision,
    case
        when described.agent_id = 1
        then 'the system itself, not a person'
        when admins.email is not null
        then 'a teammate has this address'
        when described.is_valid
        then 'no teammate has this address: provision one, name another, or confirm the fallback'
        else 'no longer valid in OTRS: confirm the fallback or name a teammate'
    end as reason
from described
left join admins on lower(trim(described.email)) = admins.email
