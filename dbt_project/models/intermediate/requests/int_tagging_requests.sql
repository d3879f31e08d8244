-- One request per tag of a conversation.
with
    me as (select max(admin_id) as admin_id from {{ ref("stg_intercom__me") }}),

    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    tagging_requests as (

        select
            conversations.lane || '/tag/' || tags.tag_name as slot,
            {{ content_hash(["tags.tag_name"]) }} as content_hash,
            5 as phase,
            conversations.lane,
            20000000 + row_number() over (partition by conversations.lane order by tags.tag_name) as position,
            'conversation.tag' as kind,
            'POST' as method,
            conversations.conversation_path || '/tags' as path,
            json_object(
                'id', json_object('$ref', 'tag/' || tags.tag_name), 'admin_id', me.admin_id
            ) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from {{ ref("conversation_tags") }} as tags
        inner join conversations on tags.conversation_key = conversations.conversation_key
        cross join me

    )

select *
from tagging_requests
