with
    source as (select * from {{ source("raw_otrs", "article_data_mime_attachment") }}),

    renamed as (

        select
            -- ids
            id as attachment_id,
            'otrs:attachment:' || id as attachment_key,
            article_id,
            content_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            filename,
            content_type,
            nullif(disposition, '') as disposition,

            -- numbers
            try_cast(content_size as bigint) as noted_size,

            -- booleans
            coalesce(content_alternative, '') = '1' as is_alternative,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
