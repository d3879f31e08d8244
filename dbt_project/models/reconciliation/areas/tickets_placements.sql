with
    requests as (select slot from {{ ref("requests") }} where kind = 'conversation.create'),

    placed as (

        select
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id,
            'request' as place,
            requests.slot as detail,
            null::bigint as bytes
        from {{ ref("conversations") }} as conversations
        inner join requests on 'conversation/' || conversations.conversation_key = requests.slot
        where conversations.chunk = 1

        union all

        select 'ticket', ticket_id::varchar, 'exclusion', 'ticket_not_loaded', null
        from {{ ref("int_tickets_decided") }}
        where not is_loaded

    )

select *
from placed
