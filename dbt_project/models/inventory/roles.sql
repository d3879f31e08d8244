-- One row per role.
with
    members as (

        select
            members.role_id,
            count(*) as agent_count,
            string_agg(
                coalesce(agents.agent_login, 'agent ' || members.agent_id)
                || case when agents.is_valid then '' else ' (invalid)' end,
                ', '
                order by agents.agent_login
            ) as agents
        from {{ ref("stg_otrs__agent_roles") }} as members
        left join {{ ref("stg_otrs__agents") }} as agents on members.agent_id = agents.agent_id
        group by members.role_id

    ),

    rights as (

        select role_id, count(distinct group_id) as group_count
        from {{ ref("stg_otrs__role_group_permissions") }}
        where is_granted
        group by role_id

    )

select
    roles.role_id,
    roles.role_name,
    roles.remark,
    roles.is_valid,
    coalesce(members.agent_count, 0) as agent_count,
    members.agents,
    coalesce(rights.group_count, 0) as group_count,
    roles.created_at,
    roles.changed_at
from {{ ref("stg_otrs__roles") }} as roles
left join members on roles.role_id = members.role_id
left join rights on roles.role_id = rights.role_id
