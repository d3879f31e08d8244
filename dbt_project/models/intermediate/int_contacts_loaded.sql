-- Contacts that a load has placed, with what the workspace says of them. Whoever was placed stays
-- placed: also when his row in OTRS is gone, or when somebody known by an address only gets a row
-- there. One who was made without his address (`hold_emails`) stays so until its own request has
-- given it to him.
with
    receipts as (select * from {{ ref("stg_ledger__receipts") }} where kind = 'contact.upsert'),

    workspace as (select * from {{ ref("stg_intercom__contacts") }}),

    given as (

        select substr(slot, 9, length(slot) - 14) as contact_key
        from {{ ref("stg_ledger__receipts") }}
        where kind = 'contact.email'

    ),

    customer_users as (select * from {{ ref("stg_otrs__customer_users") }})

select
    substr(receipts.creates, 9) as contact_key,
    receipts.content_hash,
    receipts.content_hash like '{{ held_mark() }}%' as is_address_held,
    substr(receipts.creates, 9) in (select contact_key from given) as is_address_given,
    workspace.email as address,
    workspace.external_id as login,
    receipts.creates like 'contact/otrs:customer_user:%'
    and customer_users.customer_user_id is null as is_left_over
from receipts
left join workspace on receipts.intercom_id = workspace.contact_id
left join
    customer_users on receipts.creates = 'contact/otrs:customer_user:' || customer_users.customer_user_id
where receipts.creates is not null
