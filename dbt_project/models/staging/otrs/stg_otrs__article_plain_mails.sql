with
    source as (select * from {{ ref("base_otrs__article_data_mime_plain") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }}),

    renamed as (

        select
            -- ids
            attachment_key,
            id as plain_mail_id,
            article_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            missing_reason,

            -- timestamps, UTC
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at,
            coalesce(
                {{ to_utc("change_time", "first_passes.changed_earlier_by") }}, modified_at
            ) as changed_at

        from source
        left join
            first_passes on source.table_name = first_passes.table_name and source.id = first_passes.row_id

    )

select *
from renamed
