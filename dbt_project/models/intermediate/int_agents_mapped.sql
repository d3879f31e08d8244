-- Which teammate stands for which agent. An agent without one speaks through the fallback teammate.
with
    agents as (select * from {{ ref("stg_otrs__agents") }}),

    addresses as (

        select agent_id, min(preference_value) as email
        from {{ ref("stg_otrs__agent_preferences") }}
        where preference_key = 'UserEmail' and trim(preference_value) != ''
        group by agent_id

    ),

    decisions as (select * from {{ ref("agents") }}),

    admins as (select email, min(admin_id) as admin_id from {{ ref("stg_intercom__admins") }} group by email),

    -- OTRS itself takes the login for the address when there is none.
    described as (

        select
            agents.agent_id,
            agents.agent_login,
            agents.is_valid,
            coalesce(
                nullif(trim(concat_ws(' ', agents.first_name, agents.last_name)), ''), agents.agent_login
            ) as agent_name,
            coalesce(addresses.email, agents.agent_login) as email,
            decisions.target,
            decisions.decision,
            lower(trim(decisions.teammate_email)) as teammate_email
        from agents
        left join addresses on agents.agent_id = addresses.agent_id
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
