with
    source as (select * from {{ source("raw_otrs", "queue_standard_template") }}),

    renamed as (

        select
            -- ids
            queue_id,
            standard_template_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
