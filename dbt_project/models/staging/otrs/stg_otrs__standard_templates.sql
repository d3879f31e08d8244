with
    source as (select * from {{ source("raw_otrs", "standard_template") }}),

    renamed as (

        select
            -- ids
            id as standard_template_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as standard_template_name,
            text as template_text,
            content_type,
            template_type,
            comments as remark,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
