with
    source as (select * from {{ source("raw_otrs", "article_data_otrs_chat") }}),

    renamed as (

        select
            -- ids
            id as chat_message_id,
            article_id,
            chat_participant_id as participant_id,

            -- text
            chat_participant_name as participant_name,
            chat_participant_type as participant_type,
            message_text,

            -- booleans
            system_generated = 1 as is_system_generated,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at

        from source

    )

select *
from renamed
