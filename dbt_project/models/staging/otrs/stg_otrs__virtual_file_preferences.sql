with
    source as (select * from {{ source("raw_otrs", "virtual_fs_preferences") }}),

    renamed as (

        select
            -- ids
            virtual_fs_id as virtual_file_id,

            -- text
            preferences_key as preference_key,
            preferences_value as preference_value

        from source

    )

select *
from renamed
