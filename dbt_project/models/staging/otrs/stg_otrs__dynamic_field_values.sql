with
    source as (select * from {{ source("raw_otrs", "dynamic_field_value") }}),

    renamed as (

        select
            -- ids
            id as dynamic_field_value_id,
            field_id as dynamic_field_id,
            object_id,

            -- text
            value_text,

            -- numbers
            value_int as value_integer,

            -- local time of the OTRS time zone
            value_date as value_local_time,

            -- timestamps, UTC
            {{ to_utc("value_date") }} as value_at

        from source

    )

select *
from renamed
