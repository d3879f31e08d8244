with
    source as (select * from {{ source("raw_otrs", "configitem_definition") }}),

    renamed as (

        select
            -- ids
            id as config_item_definition_id,
            class_id,
            create_by as created_by_agent_id,

            -- numbers
            version as definition_version,

            -- YAML
            configitem_definition as definition,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
