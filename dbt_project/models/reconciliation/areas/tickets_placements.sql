-- Where each ticket ended up: in the request that makes its first conversation, or among the exclusions.
with
    tickets as (select ticket_id, ticket_key, is_loaded from {{ ref("int_tickets_decided") }}),

    created as (select slot from {{ ref("requests") }} where kind = 'conversation.create')

select
    'ticket' as source_table,
    tickets.ticket_id::varchar as source_id,
    'request' as place,
    created.slot as detail,
    null::bigint as bytes
from tickets
inner join created on 'conversation/' || tickets.ticket_key = created.slot

union all

select 'ticket', ticket_id::varchar, 'exclusion', 'ticket_not_loaded', null
from tickets
where not is_loaded
