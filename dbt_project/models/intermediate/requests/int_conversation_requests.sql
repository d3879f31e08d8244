-- The request that creates each conversation, and one per further participant.
with
    me as (select max(admin_id) as admin_id from {{ ref("stg_intercom__me") }}),

    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    openings as (select conversation_key, content_hash from {{ ref("conversation_parts") }} where is_opening),

    conversation_requests as (

        select
            conversations.lane as slot,
            {{
                content_hash(
                    ["conversations.otrs_ticket_number", "conversations.chunk", "openings.content_hash"]
                )
            }} as content_hash,
            5 as phase,
            conversations.lane,
            0::bigint as position,
            'conversation.create' as kind,
            'POST' as method,
            '/conversations' as path,
            json_object(
                'from',
                json_object(
                    'type', 'user', 'id', json_object('$ref', 'contact/' || conversations.contact_key)
                ),
                'body',
                conversations.body,
                'created_at',
                {{ unix_seconds("conversations.created_at") }}
            ) as payload,
            null::json as on_conflict_payload,
            conversations.lane as creates,
            'report' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from conversations
        inner join openings on conversations.conversation_key = openings.conversation_key

    ),

    participant_requests as (

        select
            conversations.lane || '/participant/' || participants.contact_key as slot,
            {{ content_hash(["participants.contact_key"]) }} as content_hash,
            5 as phase,
            conversations.lane,
            row_number() over (partition by conversations.lane order by participants.contact_key) as position,
            'conversation.participant' as kind,
            'POST' as method,
            conversations.conversation_path || '/customers' as path,
            json_object(
                'admin_id',
                me.admin_id,
                'customer',
                json_object('intercom_user_id', json_object('$ref', 'contact/' || participants.contact_key))
            ) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from {{ ref("conversation_participants") }} as participants
        inner join conversations on participants.conversation_key = conversations.conversation_key
        cross join me

    )

select *
from conversation_requests
union all by name
select *
from participant_requests
