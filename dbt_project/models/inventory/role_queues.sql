-- Which queues a role can work in, and which team stands for the queue in Intercom: the base for giving
-- the role's agents their inboxes.
with
    rights as (

        select
            holder_id::bigint as role_id,
            group_id,
            string_agg(distinct permission_key, ', ' order by permission_key) as permission_keys,
            bool_or(permission_key = 'rw') as is_full,
            bool_or(permission_key != 'ro') as is_writing
        from {{ ref("permissions") }}
        where holder_kind = 'role' and is_granted
        group by holder_id, group_id

    )

select
    roles.role_id,
    roles.role_name,
    queues.queue_id,
    queues.queue_name,
    groups.group_name,
    rights.permission_keys,
    case when rights.is_full then 'full' when rights.is_writing then 'partial' else 'read only' end as access,
    teams.team_name,
    teams.team_id,
    coalesce(roles.is_valid and groups.is_valid and queues.is_valid, false) as is_effective,
    roles.agents,
    case
        when teams.team_name is null
        then 'no team stands for the queue'
        when teams.team_id is null
        then 'the team does not exist in Intercom'
    end as problem
from rights
inner join {{ ref("roles") }} as roles on rights.role_id = roles.role_id
inner join {{ ref("stg_otrs__groups") }} as groups on rights.group_id = groups.group_id
inner join {{ ref("stg_otrs__queues") }} as queues on rights.group_id = queues.group_id
left join {{ ref("teams") }} as teams on queues.queue_id = teams.otrs_queue_id
