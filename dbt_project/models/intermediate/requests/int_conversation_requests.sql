-- The request that creates each conversation, one per further participant, and the links between a
-- conversation and its continuation, which need the ids of both.
with
    me as (select max(admin_id) as admin_id from {{ ref("stg_intercom__me") }}),

    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    openings as (

        select conversation_key, content_hash, otrs_article_id
        from {{ ref("conversation_parts") }}
        where is_opening

    ),

    conversation_requests as (

        select
            conversations.lane as slot,
            openings.content_hash,
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
            -- the ledger remembers by it which article is the opening
            case when openings.otrs_article_id is null then 'ticket' else 'article' end as source_table,
            coalesce(openings.otrs_article_id, conversations.otrs_ticket_id)::varchar as source_id
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

    ),

    neighbours as (

        select
            conversations.*,
            links.name,
            links.position,
            others.conversation_key as other_key,
            others.chunk as other_chunk
        from conversations
        cross join
            (values ('OTRS continued in', 1, 0), ('OTRS continues', -1, 1)) as links(name, step, position)
        inner join
            conversations as others
            on conversations.otrs_ticket_id = others.otrs_ticket_id
            and conversations.chunk + links.step = others.chunk

    ),

    link_requests as (

        select
            lane || '/attribute/' || name as slot,
            {{ content_hash(["otrs_ticket_number", "other_chunk"]) }} as content_hash,
            6 as phase,
            'links/' || lane as lane,
            position::bigint as position,
            'conversation.attribute' as kind,
            'PUT' as method,
            conversation_path as path,
            json_object(
                'custom_attributes',
                json_object(
                    name,
                    json_object(
                        '$concat',
                        json_array(
                            'Conversation ',
                            json_object('$ref', 'conversation/' || other_key),
                            ', number ' || other_chunk || ' of OTRS ticket ' || otrs_ticket_number
                        )
                    )
                )
            ) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'report' as on_absent,
            'ticket' as source_table,
            otrs_ticket_id::varchar as source_id
        from neighbours

    )

select *
from conversation_requests
union all by name
select *
from participant_requests
union all by name
select *
from link_requests
