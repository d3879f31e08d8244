with
    source as (select * from {{ source("raw_otrs", "time_accounting") }}),

    renamed as (

        select
            -- ids
            id as time_accounting_id,
            ticket_id,
            article_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- numbers
            time_unit as time_units,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
