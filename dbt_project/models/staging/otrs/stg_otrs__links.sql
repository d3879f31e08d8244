with
    source as (select * from {{ source("raw_otrs", "link_relation") }}),

    renamed as (

        select
            -- ids
            source_object_id,
            source_key,
            target_object_id,
            target_key,
            type_id as link_type_id,
            state_id as link_state_id,
            create_by as created_by_agent_id,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
