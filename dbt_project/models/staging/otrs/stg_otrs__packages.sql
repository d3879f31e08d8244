with
    source as (select * from {{ source("raw_otrs", "package_repository") }}),

    renamed as (

        select
            -- ids
            id as package_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as package_name,
            version as package_version,
            vendor,
            install_status,
            filename,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
