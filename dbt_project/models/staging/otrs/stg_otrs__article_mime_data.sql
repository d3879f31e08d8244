with
    source as (select * from {{ ref("base_otrs__article_data_mime") }}),

    first_passes as (select * from {{ ref("base_otrs__first_passes") }}),

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
            {{ to_utc("create_time", "first_passes.created_earlier_by") }} as created_at,
            {{ to_utc("change_time", "first_passes.changed_earlier_by") }} as changed_at

        from source
        left join
            first_passes on source.table_name = first_passes.table_name and source.id = first_passes.row_id

    )

select *
from renamed
