with
    source as (select * from {{ ref("base_otrs__article_data_chat") }}),

    first_passes as (

        select * from {{ ref("base_otrs__first_passes") }} where table_name = 'article_data_otrs_chat'

    ),

    renamed as (

        select
            -- ids
            article_id,
            line_number,
            id as chat_message_id,
            chat_participant_id as participant_id,

            -- text
            chat_participant_name as participant_name,
            chat_participant_type as participant_type,
            message_text,

            -- booleans
            system_generated = 1 as is_system_generated,

            -- timestamps, UTC
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at

        from source
        left join
            first_passes on source.table_name = first_passes.table_name and source.id = first_passes.row_id

    )

select *
from renamed
