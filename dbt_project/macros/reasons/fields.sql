{# Why a record of this area is not loaded, proved from the rows of OTRS and the decisions alone. #}
{% macro exclusion_predicates_fields() %}
    with
        states as (select otrs_state_id from {{ ref("ticket_states") }} where intercom_state = 'not_loaded'),

        known as (

            select ticket_id, ticket_state_id in (select otrs_state_id from states) as stays
            from {{ ref("stg_otrs__tickets") }}

        ),

        fields as (select dynamic_field_id, object_type from {{ ref("stg_otrs__dynamic_fields") }}),

        held as (

            select
                field_values.dynamic_field_value_id::varchar as source_id,
                field_values.dynamic_field_id,
                fields.object_type,
                case
                    when fields.object_type = 'Ticket'
                    then field_values.object_id
                    when fields.object_type = 'Article'
                    then articles.ticket_id
                end as ticket_id,
                nullif(field_values.value_text, '') is null
                and field_values.value_integer is null
                and field_values.value_local_time is null as is_empty
            from {{ ref("stg_otrs__dynamic_field_values") }} as field_values
            left join fields on field_values.dynamic_field_id = fields.dynamic_field_id
            left join
                {{ ref("stg_otrs__articles") }} as articles on field_values.object_id = articles.article_id

        ),

        links as (

            select
                concat_ws(
                    '|', source_object_id, source_key, target_object_id, target_key, link_type_id
                ) as source_id,
                link_state_id,
                case when sources.link_object_name = 'Ticket' then source_key end as source_ticket,
                case when targets.link_object_name = 'Ticket' then target_key end as target_ticket
            from {{ ref("stg_otrs__links") }} as links
            left join
                {{ ref("stg_otrs__link_objects") }} as sources
                on links.source_object_id = sources.link_object_id
            left join
                {{ ref("stg_otrs__link_objects") }} as targets
                on links.target_object_id = targets.link_object_id

        )

    select 'dynamic_field_value' as source_table, source_id, 'field_gone' as reason_code
    from held
    where object_type is null
    union all
    select 'dynamic_field_value', source_id, 'field_value_empty'
    from held
    where is_empty
    union all
    select 'dynamic_field_value', source_id, 'orphan_field_value'
    from held
    where
        object_type in ('Ticket', 'Article') and coalesce(ticket_id, -1) not in (select ticket_id from known)
    union all
    select 'dynamic_field_value', source_id, 'ticket_not_loaded'
    from held
    where ticket_id in (select ticket_id from known where stays)
    union all
    select 'dynamic_field_value', source_id, 'field_ignored_by_decision'
    from held
    where
        dynamic_field_id in (
            select otrs_field_id
            from {{ ref("dynamic_fields") }}
            where target = 'ignore' and decision = 'confirmed'
        )
    union all
    select 'ticket_watcher', ticket_id || '|' || agent_id, 'orphan_ticket_row'
    from {{ ref("stg_otrs__ticket_watchers") }}
    where ticket_id not in (select ticket_id from known)
    union all
    select 'ticket_watcher', ticket_id || '|' || agent_id, 'ticket_not_loaded'
    from {{ ref("stg_otrs__ticket_watchers") }}
    where ticket_id in (select ticket_id from known where stays)
    union all
    select 'time_accounting', time_accounting_id::varchar, 'orphan_ticket_row'
    from {{ ref("stg_otrs__time_accounting") }}
    where ticket_id not in (select ticket_id from known)
    union all
    select 'time_accounting', time_accounting_id::varchar, 'ticket_not_loaded'
    from {{ ref("stg_otrs__time_accounting") }}
    where ticket_id in (select ticket_id from known where stays)
    union all
    select 'link_relation', source_id, 'link_temporary'
    from links
    where
        link_state_id
        in (select link_state_id from {{ ref("stg_otrs__link_states") }} where link_state_name = 'Temporary')
    union all
    select 'link_relation', source_id, 'ticket_not_loaded'
    from links
    where
        (
            source_ticket in (select ticket_id::varchar from known where stays)
            or target_ticket in (select ticket_id::varchar from known where stays)
        )
        and coalesce(source_ticket, '') not in (select ticket_id::varchar from known where not stays)
        and coalesce(target_ticket, '') not in (select ticket_id::varchar from known where not stays)
    union all
    select 'link_relation', source_id, 'orphan_link'
    from links
    where
        coalesce(source_ticket, '') not in (select ticket_id::varchar from known)
        and coalesce(target_ticket, '') not in (select ticket_id::varchar from known)
        and coalesce(source_ticket, target_ticket) is not null
    union all
    select 'user_preferences', agent_id || '|' || preference_key, 'orphan_agent_preference'
    from {{ ref("stg_otrs__agent_preferences") }}
    where agent_id not in (select agent_id from {{ ref("stg_otrs__agents") }})
    union all
    select 'user_preferences', agent_id || '|' || preference_key, 'agent_preference_of_screens'
    from {{ ref("stg_otrs__agent_preferences") }}
    where
        preference_key
        not in ('UserEmail', 'UserMobile', 'UserLanguage', 'UserTimeZone', 'UserTimeZoneOffset')
        and not starts_with(preference_key, 'OutOfOffice')
{% endmacro %}
