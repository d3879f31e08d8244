-- One request per part, with its files.
with
    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    files as (

        select
            part_key,
            to_json(
                list(
                    json_object(
                        'name', name, 'content_type', content_type, 'data', json_object('$file', file_key)
                    )
                    order by position
                )
            ) as attachment_files
        from {{ ref("part_files") }}
        group by part_key

    ),

    part_requests as (

        select
            conversations.lane || '/part/' || parts.part_key as slot,
            parts.content_hash,
            5 as phase,
            conversations.lane,
            1000000 + parts.position as position,
            'conversation.reply' as kind,
            'POST' as method,
            conversations.conversation_path || '/reply' as path,
            {{
                without_nulls(
                    "json_object("
                    "'message_type', case when parts.part_type = 'admin_note' then 'note' else 'comment' end,"
                    " 'type', case when parts.part_type = 'contact_comment' then 'user' else 'admin' end,"
                    " 'intercom_user_id', case when parts.part_type = 'contact_comment'"
                    " then json_object('$ref', 'contact/' || parts.author_key) end,"
                    " 'admin_id', case when parts.part_type != 'contact_comment' then parts.admin_id end,"
                    " 'body', parts.body,"
                    " 'created_at', " ~ unix_seconds("parts.created_at") ~ ","
                    " 'attachment_files', files.attachment_files,"
                    " 'skip_notifications', case when parts.part_type != 'contact_comment' then true end)"
                )
            }} as payload,
            null::json as on_conflict_payload,
            'part/' || parts.part_key as creates,
            'report' as on_absent,
            case when parts.otrs_article_id is null then 'ticket' else 'article' end as source_table,
            coalesce(parts.otrs_article_id, conversations.otrs_ticket_id)::varchar as source_id
        from {{ ref("conversation_parts") }} as parts
        inner join conversations on parts.conversation_key = conversations.conversation_key
        left join files on parts.part_key = files.part_key
        where not parts.is_opening

    )

select *
from part_requests
