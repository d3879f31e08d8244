-- The attributes that a class of configuration items defines, sub-attributes included, for each version
-- of the definition. The path names an attribute by its keys: `HardDisk.Capacity`.
with recursive
    definitions as (

        select definitions.config_item_definition_id, definitions.class_id, parsed.document
        from {{ ref("stg_otrs__config_item_definitions") }} as definitions
        inner join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'config_item_definition'
            and definitions.config_item_definition_id::varchar = parsed.configuration_id
        where json_type(parsed.document) = 'ARRAY'

    ),

    attributes as (

        select
            definitions.config_item_definition_id,
            definitions.class_id,
            [try_cast(entry.key as integer)] as place,
            entry.value ->> '$.Key' as path,
            entry.value as config
        from definitions, json_each(definitions.document) as entry

        union all

        select
            attributes.config_item_definition_id,
            attributes.class_id,
            list_append(attributes.place, try_cast(entry.key as integer)),
            attributes.path || '.' || (entry.value ->> '$.Key'),
            entry.value
        from attributes, json_each(attributes.config, '$.Sub') as entry
        where len(attributes.place) < 10

    )

select
    config_item_definition_id,
    class_id,
    row_number() over (partition by config_item_definition_id order by place) as position,
    path,
    len(place) as depth,
    coalesce(nullif(config ->> '$.Name', ''), config ->> '$.Key') as label,
    config ->> '$.Input.Type' as input_type,
    config ->> '$.Input.Class' as general_catalog_class,
    coalesce(config ->> '$.Input.Required' = '1', false) as is_required,
    try_cast(config ->> '$.CountMin' as integer) as count_min,
    try_cast(config ->> '$.CountMax' as integer) as count_max,
    config -> '$.Input' as input
from attributes
where path is not null
