with
    source as (select * from {{ source("raw_otrs", "general_catalog_preferences") }}),

    renamed as (

        select
            -- ids
            general_catalog_id as general_catalog_item_id,

            -- text
            pref_key as preference_key,
            pref_value as preference_value

        from source

    )

select *
from renamed
