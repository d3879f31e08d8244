-- One row per configuration item as it is now, with the company it belongs to.
with
    owners as (select * from {{ ref("int_config_item_owners") }}),

    versions as (

        select
            config_item_id,
            count(*) as version_count,
            any_value(config_item_name) filter (is_current) as config_item_name,
            any_value(attributes) filter (is_current) as attributes
        from {{ ref("config_item_versions") }}
        group by config_item_id

    )

select
    items.config_item_id,
    items.config_item_number,
    items.class_id,
    classes.general_catalog_item_name as class_name,
    versions.config_item_name,
    deployment.general_catalog_item_name as deployment_state,
    incident.general_catalog_item_name as incident_state,
    owners.company_id,
    companies.company_name,
    owners.found_by as company_found_by,
    owners.customer_user_logins,
    versions.attributes,
    coalesce(versions.version_count, 0) as version_count,
    items.created_at,
    items.changed_at,
    nullif(
        concat_ws(
            '; ',
            owners.problem,
            case when classes.general_catalog_item_id is null then 'its class does not exist' end,
            case when versions.config_item_name is null then 'it has no current version' end
        ),
        ''
    ) as problem
from {{ ref("stg_otrs__config_items") }} as items
left join owners on items.config_item_id = owners.config_item_id
left join versions on items.config_item_id = versions.config_item_id
left join {{ ref("stg_otrs__customer_companies") }} as companies on owners.company_id = companies.customer_id
left join
    {{ ref("stg_otrs__general_catalog_items") }} as classes
    on items.class_id = classes.general_catalog_item_id
left join
    {{ ref("stg_otrs__general_catalog_items") }} as deployment
    on items.deployment_state_id = deployment.general_catalog_item_id
left join
    {{ ref("stg_otrs__general_catalog_items") }} as incident
    on items.incident_state_id = incident.general_catalog_item_id
