with
    source as (select * from {{ ref("base_otrs__communication_channel") }}),

    renamed as (

        select
            -- ids
            id as communication_channel_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as communication_channel_name,
            module,
            package_name,

            -- YAML
            channel_data,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
