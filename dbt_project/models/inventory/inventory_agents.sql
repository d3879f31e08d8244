{{ config(alias="agents") }}

-- Agents with their rights by name, what they own and wrote, and who speaks for them in Intercom.
with
    groups as (

        select
            rights.agent_id, string_agg(distinct groups.group_name, ', ' order by groups.group_name) as groups
        from {{ ref("stg_otrs__agent_group_permissions") }} as rights
        inner join {{ ref("stg_otrs__groups") }} as groups on rights.group_id = groups.group_id
        where rights.is_granted
        group by rights.agent_id

    ),

    roles as (

        select joins.agent_id, string_agg(distinct roles.role_name, ', ' order by roles.role_name) as roles
        from {{ ref("stg_otrs__agent_roles") }} as joins
        inner join {{ ref("stg_otrs__roles") }} as roles on joins.role_id = roles.role_id
        group by joins.agent_id

    ),

    owned as (

        select owner_agent_id as agent_id, count(*) as ticket_count
        from {{ ref("stg_otrs__tickets") }}
        group by owner_agent_id

    ),

    written as (

        select articles.created_by_agent_id as agent_id, count(*) as article_count
        from {{ ref("stg_otrs__articles") }} as articles
        inner join
            {{ ref("stg_otrs__article_sender_types") }} as sender_types
            on articles.article_sender_type_id = sender_types.article_sender_type_id
        where sender_types.article_sender_type_name = 'agent'
        group by articles.created_by_agent_id

    ),

    -- The others are settings of OTRS's own screens, some of them secret.
    preferences as (

        select
            agent_id,
            to_json(
                map_from_entries(list((preference_key, preference_value) order by preference_key))
            ) as preferences
        from
            (
                select agent_id, preference_key, min(preference_value) as preference_value
                from {{ ref("stg_otrs__agent_preferences") }}
                where {{ is_personal_preference("preference_key") }}
                group by all
            )
        group by agent_id

    )

select
    agents.agent_id,
    agents.agent_login,
    agents.agent_name,
    agents.email,
    agents.is_valid,
    groups.groups,
    roles.roles,
    preferences.preferences,
    coalesce(owned.ticket_count, 0) as owned_ticket_count,
    coalesce(written.article_count, 0) as written_article_count,
    agents.target,
    agents.teammate_email,
    agents.is_fallback,
    agents.decision
from {{ ref("int_agents_mapped") }} as agents
left join groups on agents.agent_id = groups.agent_id
left join roles on agents.agent_id = roles.agent_id
left join preferences on agents.agent_id = preferences.agent_id
left join owned on agents.agent_id = owned.agent_id
left join written on agents.agent_id = written.agent_id
