with
    source as (select * from {{ source("raw_otrs", "user_preferences") }}),

    renamed as (

        select
            -- ids
            user_id as agent_id,

            -- text
            {{ preference_key() }} as preference_key,
            preferences_value as preference_value

        from source

    )

select *
from renamed
