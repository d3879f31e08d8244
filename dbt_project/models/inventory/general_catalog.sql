-- One row per entry of the general catalogue: classes, states, and the choices of drop-down attributes.
with
    preferences as (

        select
            general_catalog_item_id,
            {{ json_object_of("preference_key", "preference_value", "preference_key") }} as preferences
        from {{ ref("stg_otrs__general_catalog_preferences") }}
        group by general_catalog_item_id

    )

select
    items.general_catalog_item_id,
    items.general_catalog_class,
    items.general_catalog_item_name,
    items.remark,
    items.is_valid,
    preferences.preferences,
    items.created_at,
    items.changed_at
from {{ ref("stg_otrs__general_catalog_items") }} as items
left join preferences on items.general_catalog_item_id = preferences.general_catalog_item_id
