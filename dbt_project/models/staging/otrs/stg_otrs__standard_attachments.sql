with
    source as (select * from {{ source("raw_otrs", "standard_attachment") }}),

    renamed as (

        select
            -- ids
            id as standard_attachment_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            name as standard_attachment_name,
            filename,
            content_type,
            comments as remark,

            -- file contents
            content,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
