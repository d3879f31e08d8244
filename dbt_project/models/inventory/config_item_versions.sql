-- One row per version of a configuration item, the current one included.
with
    attributes as (

        select
            config_item_version_id,
            {{ json_object_of("attribute", "display_value", "position, attribute") }} as attributes,
            count(*) as value_count,
            bool_or(is_archived) as is_archived
        from {{ ref("config_item_values") }}
        group by config_item_version_id

    )

select
    versions.config_item_version_id,
    versions.config_item_id,
    items.config_item_number,
    row_number() over (
        partition by versions.config_item_id order by versions.config_item_version_id
    ) as version_number,
    versions.config_item_version_id = items.last_config_item_version_id as is_current,
    versions.config_item_name,
    deployment.general_catalog_item_name as deployment_state,
    incident.general_catalog_item_name as incident_state,
    versions.config_item_definition_id,
    coalesce(attributes.value_count, 0) as value_count,
    attributes.attributes,
    agents.agent_login as created_by,
    versions.created_at,
    case when items.config_item_id is null then 'its configuration item does not exist' end as problem
from {{ ref("stg_otrs__config_item_versions") }} as versions
left join {{ ref("stg_otrs__config_items") }} as items on versions.config_item_id = items.config_item_id
left join attributes on versions.config_item_version_id = attributes.config_item_version_id
left join {{ ref("stg_otrs__agents") }} as agents on versions.created_by_agent_id = agents.agent_id
left join
    {{ ref("stg_otrs__general_catalog_items") }} as deployment
    on versions.deployment_state_id = deployment.general_catalog_item_id
left join
    {{ ref("stg_otrs__general_catalog_items") }} as incident
    on versions.incident_state_id = incident.general_catalog_item_id
