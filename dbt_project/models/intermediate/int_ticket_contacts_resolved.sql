-- Whose ticket it is. OTRS keeps the customer's login as free text: it may name a login, a login in
-- another case, somebody deleted, the address of an unknown sender, or nobody.
with
    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    -- contacts of customer users who are gone from OTRS
    left_over as (select * from {{ ref("int_contacts_loaded") }} where is_left_over),

    senders as (select * from {{ ref("int_article_senders_parsed") }}),

    logins as (

        select lower(login) as login, contact_key
        from
            (
                select login, contact_key, is_valid, customer_user_id
                from customer_users
                union all
                select login, contact_key, null, null
                from left_over
                where login is not null
            )
        qualify
            row_number() over (
                partition by lower(login)
                order by is_valid desc nulls last, customer_user_id nulls last, contact_key
            )
            = 1

    ),

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

    ),

    first_senders as (

        select ticket_id, address, display_name
        from senders
        where address is not null
        qualify row_number() over (partition by ticket_id order by article_id) = 1

    ),

    named as (

        select
            tickets.ticket_id,
            nullif(trim(tickets.customer_user_login), '') as customer_user_login,
            lower(nullif(trim(tickets.customer_user_login), '')) as lower_login,
            first_senders.address as sender_address,
            first_senders.display_name as sender_name
        from tickets
        left join first_senders on tickets.ticket_id = first_senders.ticket_id

    ),

    -- The address that stands for the customer when no login does.
    addressed as (

        select
            *,
            case
                when customer_user_login is null
                then sender_address
                when {{ is_address("lower_login") }}
                then lower_login
            end as address
        from named

    )

select
    addressed.ticket_id,
    addressed.customer_user_login,
    addressed.address,
    case when addressed.address = addressed.sender_address then addressed.sender_name end as display_name,
    case
        when logins.contact_key is not null
        then 'login'
        when addresses.contact_key is not null
        then 'address of a customer user'
        when addressed.address is not null
        then 'address only'
        when addressed.customer_user_login is not null
        then 'login without a row'
        else 'nobody'
    end as resolved_by,
    coalesce(
        logins.contact_key,
        addresses.contact_key,
        {{ address_key("addressed.address") }},
        {{ login_key("addressed.lower_login") }},
        'otrs:unknown_customer'
    ) as contact_key
from addressed
left join logins on addressed.lower_login = logins.login
left join addresses on addressed.address = addresses.address
