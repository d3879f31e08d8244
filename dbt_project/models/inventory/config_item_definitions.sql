-- One row per version of a class's definition, as it was written.
select
    definitions.config_item_definition_id,
    definitions.class_id,
    classes.general_catalog_item_name as class_name,
    definitions.definition_version,
    row_number() over (
        partition by definitions.class_id
        order by definitions.definition_version desc, definitions.config_item_definition_id desc
    )
    = 1 as is_current,
    definitions.definition as definition_text,
    parsed.document as definition,
    parsed.error as problem,
    definitions.created_at
from {{ ref("stg_otrs__config_item_definitions") }} as definitions
left join
    {{ ref("stg_otrs__general_catalog_items") }} as classes
    on definitions.class_id = classes.general_catalog_item_id
left join
    {{ ref("int_configurations_parsed") }} as parsed
    on parsed.kind = 'config_item_definition'
    and definitions.config_item_definition_id::varchar = parsed.configuration_id
