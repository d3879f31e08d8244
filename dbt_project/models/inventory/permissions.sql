-- One row per permission key that somebody has in a group: an agent directly, a role, a customer user or
-- a customer company. It is in effect when it is granted and both sides are valid.
with
    held as (

        select
            'agent' as holder_kind,
            permissions.agent_id::varchar as holder_id,
            agents.agent_login as holder_name,
            agents.is_valid as is_holder_valid,
            permissions.group_id,
            permissions.permission_key,
            null::varchar as permission_context,
            permissions.is_granted
        from {{ ref("stg_otrs__agent_group_permissions") }} as permissions
        left join {{ ref("stg_otrs__agents") }} as agents on permissions.agent_id = agents.agent_id

        union all

        select
            'role',
            permissions.role_id::varchar,
            roles.role_name,
            roles.is_valid,
            permissions.group_id,
            permissions.permission_key,
            null,
            permissions.is_granted
        from {{ ref("stg_otrs__role_group_permissions") }} as permissions
        left join {{ ref("stg_otrs__roles") }} as roles on permissions.role_id = roles.role_id

        union all

        select
            'customer user',
            permissions.customer_user_login,
            concat_ws(' ', customers.first_name, customers.last_name),
            customers.is_valid,
            permissions.group_id,
            permissions.permission_key,
            null,
            permissions.is_granted
        from {{ ref("stg_otrs__customer_user_permissions") }} as permissions
        left join
            (
                select
                    customer_user_login,
                    any_value(first_name) as first_name,
                    any_value(last_name) as last_name,
                    bool_or(is_valid) as is_valid
                from {{ ref("stg_otrs__customer_users") }}
                group by customer_user_login
            ) as customers
            on permissions.customer_user_login = customers.customer_user_login

        union all

        select
            'customer company',
            permissions.customer_id,
            companies.company_name,
            companies.is_valid,
            permissions.group_id,
            permissions.permission_key,
            permissions.permission_context,
            permissions.is_granted
        from {{ ref("stg_otrs__customer_company_permissions") }} as permissions
        left join
            {{ ref("stg_otrs__customer_companies") }} as companies
            on permissions.customer_id = companies.customer_id

    )

select
    held.holder_kind,
    held.holder_id,
    held.holder_name,
    held.group_id,
    groups.group_name,
    held.permission_key,
    held.permission_context,
    held.is_granted,
    coalesce(held.is_granted and held.is_holder_valid and groups.is_valid, false) as is_effective,
    case
        when held.is_holder_valid is null
        then 'the ' || held.holder_kind || ' does not exist'
        when groups.group_id is null
        then 'the group does not exist'
    end as problem
from held
left join {{ ref("stg_otrs__groups") }} as groups on held.group_id = groups.group_id
