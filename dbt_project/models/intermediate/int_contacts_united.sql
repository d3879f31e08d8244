-- Everybody who is needed: customer users, and people who exist only as an address or a login in a
-- ticket.
with
    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    loaded as (select * from {{ ref("int_contacts_loaded") }}),

    -- Only users: leads may share an address (API: contacts, create).
    workspace as (select * from {{ ref("stg_intercom__contacts") }} where role = 'user'),

    tickets as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    -- whom the loaded tickets and their articles name, without those who have a row
    named as (

        select contact_key, ticket_id, address, display_name, customer_user_login
        from {{ ref("int_ticket_contacts_resolved") }}
        union all
        select contact_key, ticket_id, address, display_name, null
        from {{ ref("int_article_contacts_resolved") }}

    ),

    needed as (

        select named.*
        from named
        semi join tickets on named.ticket_id = tickets.ticket_id
        anti join customer_users on named.contact_key = customer_users.contact_key

    ),

    from_customer_users as (

        select
            contact_key,
            login as external_id,
            case when has_usable_address and not is_address_taken then trim(email) end as email,
            email as otrs_email,
            nullif(
                trim(concat_ws(' ', nullif(trim(first_name), ''), nullif(trim(last_name), ''))), ''
            ) as name,
            nullif(trim(phone), '') as otrs_phone,
            nullif(trim(mobile), '') as otrs_mobile,
            nullif(trim(country), '') as otrs_country,
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
            'ticket' as source_table,
            min(ticket_id)::varchar as source_id
        from needed
        where contact_key like 'otrs:address:%'
        group by contact_key

    ),

    from_logins as (

        select
            contact_key,
            min(customer_user_login) as external_id,
            min(customer_user_login) as name,
            min(customer_user_login) as login,
            'ticket' as source_table,
            min(ticket_id)::varchar as source_id
        from needed
        where contact_key like 'otrs:login:%'
        group by contact_key

    ),

    -- Loaded with a row that is gone since: nothing is known now that was not known then, and nothing is
    -- sent.
    from_left_over as (

        select
            needed.contact_key,
            coalesce(any_value(loaded.login), needed.contact_key) as external_id,
            any_value(loaded.address) as email,
            any_value(loaded.login) as login,
            'ticket' as source_table,
            min(needed.ticket_id)::varchar as source_id,
            any_value(loaded.content_hash) as kept_content_hash
        from needed
        inner join loaded on needed.contact_key = loaded.contact_key
        where loaded.is_left_over
        group by needed.contact_key

    ),

    nobody as (

        select
            contact_key,
            contact_key as external_id,
            'Unknown customer' as name,
            'ticket' as source_table,
            min(ticket_id)::varchar as source_id
        from needed
        where contact_key = 'otrs:unknown_customer'
        group by contact_key

    ),

    everybody as (

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
        from from_left_over
        union all by name
        select *
        from nobody

    ),

    phones as (

        select
            contact_key,
            e164(otrs_phone, otrs_country, '{{ var("default_phone_region") }}') as phone,
            e164(otrs_mobile, otrs_country, '{{ var("default_phone_region") }}') as mobile
        from everybody
        where otrs_phone is not null or otrs_mobile is not null

    )

select
    everybody.*,
    -- How a contact was made is how he stays, whatever the variable says now: nothing is sent twice.
    case
        when everybody.email is null or everybody.kept_content_hash is not null
        then false
        when everybody.contact_key in (select contact_key from loaded)
        then everybody.contact_key in (select contact_key from loaded where is_address_held)
        when lower(everybody.email) in (select email from workspace where email is not null)
        then false
        when everybody.external_id in (select external_id from workspace where external_id is not null)
        then false
        else {{ var("hold_emails") }}
    end as is_address_held,
    coalesce(phones.phone.value, phones.mobile.value) as phone,
    coalesce(phones.phone.error, phones.mobile.error) as phone_error
from everybody
left join phones on everybody.contact_key = phones.contact_key
