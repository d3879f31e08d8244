with
    source as (select * from {{ source("raw_otrs", "article_data_mime") }}),

    renamed as (

        select
            -- ids
            id as article_mime_data_id,
            article_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            a_from as from_header,
            a_reply_to as reply_to_header,
            a_to as to_header,
            a_cc as cc_header,
            a_bcc as bcc_header,
            a_subject as subject,
            a_message_id as message_id_header,
            a_in_reply_to as in_reply_to_header,
            a_references as references_header,
            a_content_type as body_content_type,
            a_body as body,
            content_path,

            -- timestamps, UTC
            {{ from_epoch("incoming_time") }} as incoming_at,
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
