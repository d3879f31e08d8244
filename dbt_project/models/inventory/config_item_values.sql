-- One row per value of a version of a configuration item, with what it stands for: an id of the general
-- catalogue, of a customer or of an agent is given with its name.
with
    stored as (

        select
            xml_type,
            xml_key,
            value_path,
            value,
            starts_with(xml_type, 'ITSM::ConfigItem::Archiv::') as is_archived,
            try_cast(xml_key as bigint) as config_item_version_id,
            trim(
                regexp_replace(
                    regexp_replace(value_path, '^\[1\]\{''Version''\}\[1\]|\{''Content''\}$', '', 'g'),
                    '\{''([^'']*)''\}',
                    '.\1',
                    'g'
                ),
                '.'
            ) as attribute
        from {{ ref("stg_otrs__xml_values") }}
        where starts_with(xml_type, 'ITSM::ConfigItem::') and not ends_with(value_path, '{''TagKey''}')

    ),

    labels as (

        select
            'GeneralCatalog' as input_type,
            general_catalog_item_id::varchar as id,
            general_catalog_item_name as label
        from {{ ref("stg_otrs__general_catalog_items") }}
        union all
        select 'CustomerCompany', customer_id, company_name
        from {{ ref("stg_otrs__customer_companies") }}
        union all
        select
            'Customer',
            customer_user_login,
            any_value(
                concat_ws(
                    ' ', nullif(first_name, ''), nullif(last_name, ''), '(' || customer_user_login || ')'
                )
            )
        from {{ ref("stg_otrs__customer_users") }}
        group by customer_user_login
        union all
        select
            unnest(['User', 'Agent']),
            agent_id::varchar,
            concat_ws(' ', first_name, last_name, '(' || agent_login || ')')
        from {{ ref("stg_otrs__agents") }}
        union all
        select 'Queue', queue_id::varchar, queue_name
        from {{ ref("stg_otrs__queues") }}
        union all
        select 'SLA', sla_id::varchar, sla_name
        from {{ ref("stg_otrs__slas") }}
        union all
        select 'Service', service_id::varchar, service_name
        from {{ ref("stg_otrs__services") }}
        union all
        select 'State', ticket_state_id::varchar, ticket_state_name
        from {{ ref("stg_otrs__ticket_states") }}
        union all
        select 'Priority', ticket_priority_id::varchar, ticket_priority_name
        from {{ ref("stg_otrs__ticket_priorities") }}
        union all
        select 'Type', ticket_type_id::varchar, ticket_type_name
        from {{ ref("stg_otrs__ticket_types") }}
        union all
        select
            unnest(['CI', 'CIClassReference']),
            items.config_item_id::varchar,
            concat_ws(' ', versions.config_item_name, '(' || items.config_item_number || ')')
        from {{ ref("stg_otrs__config_items") }} as items
        left join
            {{ ref("stg_otrs__config_item_versions") }} as versions
            on items.last_config_item_version_id = versions.config_item_version_id

    )

select
    stored.config_item_version_id,
    versions.config_item_id,
    stored.is_archived,
    stored.attribute,
    attributes.position,
    coalesce(attributes.label, stored.attribute) as label,
    attributes.input_type,
    stored.value,
    case
        when attributes.input_type in ('Customer', 'CustomerCompany', 'GeneralCatalog', 'User')
        then coalesce(labels.label, stored.value)
        when attributes.input_type = 'DateTime'
        then left(stored.value, 16)
        else coalesce(labels.label, stored.value)
    end as display_value,
    case
        when versions.config_item_version_id is null
        then 'it belongs to no version'
        when attributes.path is null
        then 'the definition of its class does not have it'
        when
            labels.id is null
            and stored.value != ''
            and attributes.input_type
            in ('GeneralCatalog', 'CustomerCompany', 'Customer', 'User', 'Queue', 'SLA', 'Service', 'CI')
        then 'what it names does not exist'
    end as problem,
    stored.xml_type,
    stored.xml_key,
    stored.value_path
from stored
left join
    {{ ref("stg_otrs__config_item_versions") }} as versions
    on stored.config_item_version_id = versions.config_item_version_id
left join
    {{ ref("int_config_item_attributes") }} as attributes
    on versions.config_item_definition_id = attributes.config_item_definition_id
    and regexp_replace(stored.attribute, '\[\d+\]', '', 'g') = attributes.path
left join labels on attributes.input_type = labels.input_type and stored.value = labels.id
