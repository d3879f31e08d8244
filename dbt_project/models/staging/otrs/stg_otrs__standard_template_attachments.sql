with
    source as (select * from {{ source("raw_otrs", "standard_template_attachment") }}),

    renamed as (

        select
            -- ids
            id as standard_template_attachment_id,
            standard_template_id,
            standard_attachment_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
