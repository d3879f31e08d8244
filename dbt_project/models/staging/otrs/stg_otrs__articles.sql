with
    source as (select * from {{ source("raw_otrs", "article") }}),

    renamed as (

        select
            -- ids
            id as article_id,
            ticket_id,
            article_sender_type_id,
            communication_channel_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- booleans
            is_visible_for_customer = 1 as is_visible_for_customer,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
