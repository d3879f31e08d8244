with
    source as (select * from {{ source("raw_otrs", "time_accounting") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }} where table_name = 'time_accounting'),

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
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at,
            {{ to_utc("change_time", "first_passes.changed_earlier_by") }} as changed_at

        from source
        left join first_passes on source.id = first_passes.row_id

    )

select *
from renamed
