-- Everybody who is needed: customer users, and people who exist only as an address or a login in a ticket.
with
    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    tickets as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    ticket_contacts as (

        select contacts.*
        from {{ ref("int_ticket_contacts_resolved") }} as contacts
        semi join tickets on contacts.ticket_id = tickets.ticket_id

    ),

    article_contacts as (

        select contacts.*
        from {{ ref("int_article_contacts_resolved") }} as contacts
        semi join tickets on contacts.ticket_id = tickets.ticket_id

    ),

    from_customer_users as (

        select
            contact_key,
            login as external_id,
            case when has_usable_address then trim(email) end as email,
            email as otrs_email,
            nullif(
                trim(concat_ws(' ', nullif(trim(first_name), ''), nullif(trim(last_name), ''))), ''
            ) as name,
            coalesce(nullif(trim(phone), ''), nullif(trim(mobile), '')) as otrs_phone,
            login,
            customer_id,
            is_valid,
            'customer_user' as source_table,
            customer_user_id::varchar as source_id,
            created_at
        from customer_users
        where is_primary

    ),

    from_addresses as (

        select
            contact_key,
            contact_key as external_id,
            case when {{ is_usable_address("min(address)") }} then min(address) end as email,
            min(address) as otrs_email,
            -- the name most often written beside the address
            mode(display_name) as name,
            null as otrs_phone,
            null as login,
            null as customer_id,
            true as is_valid,
            'ticket' as source_table,
            min(ticket_id)::varchar as source_id,
            null::timestamp as created_at
        from
            (
                select contact_key, address, display_name, ticket_id
                from ticket_contacts
                union all
                select contact_key, address, display_name, ticket_id
                from article_contacts
            )
        where contact_key like 'otrs:address:%'
        group by contact_key

    ),

    from_logins as (

        select
            contact_key,
            min(customer_user_login) as external_id,
            null as email,
            null as otrs_email,
            min(customer_user_login) as name,
            null as otrs_phone,
            min(customer_user_login) as login,
            null as customer_id,
            false as is_valid,
            'ticket' as source_table,
            min(ticket_id)::varchar as source_id,
            null::timestamp as created_at
        from ticket_contacts
        where contact_key like 'otrs:login:%'
        group by contact_key

    ),

    nobody as (

        select
            contact_key,
            contact_key as external_id,
            null as email,
            null as otrs_email,
            'Unknown customer' as name,
            null as otrs_phone,
            null as login,
            null as customer_id,
            true as is_valid,
            'ticket' as source_table,
            min(ticket_id)::varchar as source_id,
            null::timestamp as created_at
        from
            (
                select contact_key, ticket_id
                from ticket_contacts
                union all
                select contact_key, ticket_id
                from article_contacts
            )
        where contact_key = 'otrs:unknown_customer'
        group by contact_key

    )

select *
from from_customer_users
union all by name
select *
from from_addresses
union all by name
select *
from from_logins
union all by name
select *
from nobody
