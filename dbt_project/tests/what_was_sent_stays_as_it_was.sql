-- A message that the ledger holds is never due again, and never planned for a second conversation: what can
-- only
-- be appended would be doubled.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    requests as (

        select slot, content_hash, regexp_extract(slot, '/part/(.+)$', 1) as part_key, lane
        from {{ ref("requests") }}
        where kind in ('conversation.create', 'conversation.reply')

    ),

    receipts as (

        select slot, content_hash, regexp_extract(slot, '/part/(.+)$', 1) as part_key
        from {{ ref("stg_ledger__receipts") }}
        where kind in ('conversation.create', 'conversation.reply')

    )

select requests.slot, 'due again' as problem
from requests
inner join receipts on requests.slot = receipts.slot
where requests.content_hash is distinct from receipts.content_hash

union all

-- in another conversation that is in the plan, too
select requests.slot, 'sent to another conversation before'
from requests
inner join receipts on requests.part_key = receipts.part_key and requests.slot != receipts.slot
where
    requests.part_key != ''
    and requests.slot not in (select slot from receipts)
    and regexp_extract(receipts.slot, '^(conversation/[^/]+)', 1) in (select lane from requests)
