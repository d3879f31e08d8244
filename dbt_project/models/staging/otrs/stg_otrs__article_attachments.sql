with
    source as (select * from {{ ref("base_otrs__article_data_mime_attachment") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }}),

    renamed as (

        select
            -- ids
            attachment_key,
            id as attachment_id,
            article_id,
            content_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            filename,
            content_type,
            nullif(disposition, '') as disposition,
            missing_reason,

            -- numbers
            try_cast(content_size as bigint) as noted_size,

            -- booleans
            coalesce(content_alternative, '') = '1' as is_alternative,

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
