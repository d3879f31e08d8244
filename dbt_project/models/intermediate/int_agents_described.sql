-- Agents with name and address. OTRS keeps the address as a preference, and takes the login where there
-- is none.
with
    agents as (select * from {{ ref("stg_otrs__agents") }}),

    addresses as (

        select agent_id, min(preference_value) as email
        from {{ ref("stg_otrs__agent_preferences") }}
        where preference_key = 'UserEmail' and trim(preference_value) != ''
        group by agent_id

    )

select
    agents.agent_id,
    agents.agent_login,
    coalesce(
        nullif(trim(concat_ws(' ', agents.first_name, agents.last_name)), ''), agents.agent_login
    ) as agent_name,
    coalesce(addresses.email, agents.agent_login) as email,
    agents.is_valid
from agents
left join addresses on agents.agent_id = addresses.agent_id
