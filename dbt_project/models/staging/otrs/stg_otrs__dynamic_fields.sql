with
    source as (select * from {{ source("raw_otrs", "dynamic_field") }}),

    renamed as (

        select
            -- ids
            id as dynamic_field_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as dynamic_field_name,
            label,
            field_type,
            object_type,

            -- numbers
            field_order,

            -- YAML
            config,

            -- booleans
            internal_field = 1 as is_internal,
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
