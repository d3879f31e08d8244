{{ config(alias="config_item_classes") }}

-- One row per class of configuration items.
with
    items as (

        select class_id, count(*) as item_count from {{ ref("stg_otrs__config_items") }} group by class_id

    ),

    definitions as (

        select
            class_id,
            config_item_definition_id,
            definition_version,
            count(*) over (partition by class_id) as definition_count
        from {{ ref("stg_otrs__config_item_definitions") }}
        qualify
            row_number() over (
                partition by class_id order by definition_version desc, config_item_definition_id desc
            )
            = 1

    ),

    attributes as (

        select
            config_item_definition_id,
            count(*) as attribute_count,
            to_json(
                list(
                    json_object(
                        'path',
                        path,
                        'label',
                        label,
                        'type',
                        input_type,
                        'general_catalog_class',
                        general_catalog_class,
                        'required',
                        is_required,
                        'count_min',
                        count_min,
                        'count_max',
                        count_max,
                        'input',
                        input
                    )
                    order by position
                )
            ) as attributes
        from {{ ref("int_config_item_attributes") }}
        group by config_item_definition_id

    ),

    preferences as (

        select
            preferences.general_catalog_item_id,
            string_agg(coalesce(groups.group_name, preferences.preference_value), ', ') as names
        from {{ ref("stg_otrs__general_catalog_preferences") }} as preferences
        left join
            {{ ref("stg_otrs__groups") }} as groups on preferences.preference_value = groups.group_id::varchar
        where preferences.preference_key = 'Permission'
        group by preferences.general_catalog_item_id

    )

select
    classes.general_catalog_item_id as class_id,
    classes.general_catalog_item_name as class_name,
    classes.remark,
    classes.is_valid,
    preferences.names as permitted_group,
    coalesce(items.item_count, 0) as item_count,
    definitions.config_item_definition_id,
    definitions.definition_version,
    coalesce(definitions.definition_count, 0) as definition_count,
    coalesce(attributes.attribute_count, 0) as attribute_count,
    attributes.attributes,
    case
        when definitions.config_item_definition_id is null
        then 'it has no definition'
        when attributes.config_item_definition_id is null
        then 'its definition cannot be read: ' || coalesce(parsed.error, 'it lists no attributes')
    end as problem
from {{ ref("stg_otrs__general_catalog_items") }} as classes
left join items on classes.general_catalog_item_id = items.class_id
left join definitions on classes.general_catalog_item_id = definitions.class_id
left join attributes on definitions.config_item_definition_id = attributes.config_item_definition_id
left join preferences on classes.general_catalog_item_id = preferences.general_catalog_item_id
left join
    {{ ref("int_configurations_parsed") }} as parsed
    on parsed.kind = 'config_item_definition'
    and definitions.config_item_definition_id::varchar = parsed.configuration_id
where classes.general_catalog_class = 'ITSM::ConfigItem::Class'
