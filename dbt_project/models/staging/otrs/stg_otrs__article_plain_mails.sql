with
    source as (select * from {{ source("raw_otrs", "article_data_mime_plain") }}),

    renamed as (

        select
            -- ids
            id as plain_mail_id,
            article_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- file contents
            body as mail,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
