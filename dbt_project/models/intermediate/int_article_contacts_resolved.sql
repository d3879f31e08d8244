-- Which contact wrote a customer's article: whoever its From line names, else the ticket's customer.
with
    senders as (select * from {{ ref("int_article_senders_parsed") }}),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    ticket_contacts as (select * from {{ ref("int_ticket_contacts_resolved") }}),

    left_over as (select * from {{ ref("int_contacts_loaded") }} where is_left_over),

    addresses as (

        select address, contact_key
        from
            (
                select address, contact_key, precedence
                from customer_users
                where has_usable_address
                union all
                select address, contact_key, null
                from left_over
                where address is not null
            )
        qualify row_number() over (partition by address order by precedence nulls last, contact_key) = 1

    )

select
    senders.article_id,
    senders.ticket_id,
    senders.address,
    senders.display_name,
    coalesce(
        addresses.contact_key, {{ address_key("senders.address") }}, ticket_contacts.contact_key
    ) as contact_key,
    ticket_contacts.contact_key as ticket_contact_key
from senders
left join ticket_contacts on senders.ticket_id = ticket_contacts.ticket_id
left join addresses on senders.address = addresses.address
