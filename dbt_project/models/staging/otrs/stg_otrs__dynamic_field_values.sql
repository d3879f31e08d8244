with
    source as (select * from {{ ref("base_otrs__dynamic_field_value") }}),

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

            -- days, and local times of the OTRS time zone
            case when field_type = 'Date' then value_date::date end as value_day,
            value_date as value_local_time,

            -- timestamps, UTC
            case when field_type != 'Date' then {{ to_utc("value_date") }} end as value_at

        from source

    )

select *
from renamed
