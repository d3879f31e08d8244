-- One row per address of the helpdesk itself: what must be forwarded to Intercom, and what queues send from.
with
    senders as (

        select system_address_id, string_agg(queue_name, ', ' order by queue_name) as queues
        from {{ ref("stg_otrs__queues") }}
        group by system_address_id

    )

select
    addresses.system_address_id,
    addresses.email,
    addresses.display_name,
    queues.queue_name as incoming_queue,
    senders.queues as used_by_queues,
    addresses.remark,
    addresses.is_valid,
    addresses.created_at,
    addresses.changed_at
from {{ ref("stg_otrs__system_addresses") }} as addresses
left join {{ ref("stg_otrs__queues") }} as queues on addresses.queue_id = queues.queue_id
left join senders on addresses.system_address_id = senders.system_address_id
