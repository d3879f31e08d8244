with
    source as (select * from {{ source("raw_otrs", "customer_preferences") }}),

    renamed as (

        select
            -- ids
            user_id as customer_user_login,

            -- text
            {{ preference_key() }} as preference_key,
            preferences_value as preference_value

        from source

    )

select *
from renamed
