with
    conversations as (select * from {{ ref("conversations") }} where chunk = 1),

    tickets as (select ticket_id, sla_id from {{ ref("stg_otrs__tickets") }}),

    slas as (select sla_id, sla_name from {{ ref("stg_otrs__slas") }})

select conversations.conversation_key, 'SLA: ' || slas.sla_name as tag_name, 'sla' as source
from conversations
inner join tickets on conversations.otrs_ticket_id = tickets.ticket_id
inner join slas on tickets.sla_id = slas.sla_id
