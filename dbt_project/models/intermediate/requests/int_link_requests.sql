-- Attributes that name other conversations, in a last phase: links run in circles.
with
    links as (

        select
            'conversation/' || conversation_key as conversation,
            name,
            value,
            otrs_value,
            split_part(conversation_key, ':', 3) as otrs_ticket_id
        from {{ ref("conversation_links") }}

    )

select
    conversation || '/attribute/' || name as slot,
    {{ content_hash(["otrs_value"]) }} as content_hash,
    6 as phase,
    'links/' || conversation as lane,
    row_number() over (partition by conversation order by name) as position,
    'conversation.attribute' as kind,
    'PUT' as method,
    '/conversations/{' || conversation || '}' as path,
    json_object('custom_attributes', json_object(name, value)) as payload,
    null::json as on_conflict_payload,
    null as creates,
    'report' as on_absent,
    'ticket' as source_table,
    otrs_ticket_id as source_id
from links
