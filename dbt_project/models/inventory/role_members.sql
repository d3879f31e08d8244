-- One row per agent of a role.
select
    members.role_id,
    roles.role_name,
    members.agent_id,
    agents.agent_login,
    concat_ws(' ', agents.first_name, agents.last_name) as agent_name,
    coalesce(roles.is_valid and agents.is_valid, false) as is_effective
from {{ ref("stg_otrs__agent_roles") }} as members
left join {{ ref("stg_otrs__roles") }} as roles on members.role_id = roles.role_id
left join {{ ref("stg_otrs__agents") }} as agents on members.agent_id = agents.agent_id
