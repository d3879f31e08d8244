-- Contacts that a load has placed, with what the workspace says of them. Whoever was placed stays
-- placed: also when his row in OTRS is gone, or when somebody known by an address only gets a row
-- there.
with
    receipts as (select * from {{ ref("stg_ledger__receipts") }} where kind = 'contact.upsert'),

    workspace as (select * from {{ ref("stg_intercom__contacts") }}),

    customer_users as (select * from {{ ref("stg_otrs__customer_users") }})

select
    substr(receipts.creates, 9) as contact_key,
    receipts.content_hash,
    workspace.email as address,
    workspace.external_id as login,
    receipts.creates like 'contact/otrs:customer_user:%'
    and customer_users.customer_user_id is null as is_left_over
from receipts
left join workspace on receipts.intercom_id = workspace.contact_id
left join
    customer_users on receipts.creates = 'contact/otrs:customer_user:' || customer_users.customer_user_id
where receipts.creates is not null
