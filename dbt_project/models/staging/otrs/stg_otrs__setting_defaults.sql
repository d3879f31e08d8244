with
    source as (select * from {{ source("raw_otrs", "sysconfig_default") }}),

    renamed as (

        select
            -- ids
            id as setting_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as setting_name,
            navigation,
            xml_filename,

            -- YAML
            effective_value,

            -- booleans
            is_invisible = 1 as is_invisible,
            is_readonly = 1 as is_readonly,
            is_required = 1 as is_required,
            is_valid = 1 as is_enabled,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
