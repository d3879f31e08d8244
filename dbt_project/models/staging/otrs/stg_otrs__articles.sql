with
    source as (select * from {{ source("raw_otrs", "article") }}),

    article_types as (select * from {{ ref("base_otrs__article_types") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }} where table_name = 'article'),

    renamed as (

        select
            -- ids
            id as article_id,
            ticket_id,
            article_sender_type_id,
            -- 3 is Internal: an article whose type is gone
            coalesce(
                source.communication_channel_id, article_types.communication_channel_id, 3
            ) as communication_channel_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            article_types.article_type_name,

            -- booleans
            coalesce(
                source.is_visible_for_customer = 1, article_types.is_visible_for_customer, false
            ) as is_visible_for_customer,
            coalesce(valid_id, 1) = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at,
            {{ to_utc("change_time", "first_passes.changed_earlier_by") }} as changed_at

        from source
        left join article_types on source.article_type_id = article_types.article_type_id
        left join first_passes on source.id = first_passes.row_id

    )

select *
from renamed
