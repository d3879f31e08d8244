-- One person, one contact: customer users who share an address, in whatever case, become one contact.
-- The one already loaded wins, then a valid one, then the oldest; the others are kept as logins. A
-- person who was loaded before he had a row in OTRS, by his address or by his login, keeps that
-- contact.
with
    customer_users as (select * from {{ ref("stg_otrs__customer_users") }}),

    loaded as (select * from {{ ref("int_contacts_loaded") }}),

    identified as (

        select
            customer_user_id,
            customer_user_login as login,
            customer_id,
            title,
            first_name,
            last_name,
            email,
            phone,
            mobile,
            fax,
            street,
            postal_code,
            city,
            country,
            remark,
            is_valid,
            created_at,
            'otrs:customer_user:' || customer_user_id as own_key,
            coalesce({{ is_usable_address("trim(email)") }}, false) as has_usable_address,
            lower(trim(email)) as address
        from customer_users

    ),

    persons as (

        select
            *,
            case when has_usable_address then address else own_key end as person,
            own_key in (select contact_key from loaded) as is_loaded
        from identified

    ),

    -- What was loaded and may be this person, the strongest claim first.
    claims as (

        select person, own_key as contact_key, 1 as claim, is_valid, customer_user_id
        from persons
        where is_loaded

        union all

        select persons.person, loaded.contact_key, 2, persons.is_valid, persons.customer_user_id
        from persons
        inner join loaded on loaded.contact_key = {{ address_key("persons.address") }}
        where persons.has_usable_address

        union all

        select persons.person, loaded.contact_key, 3, persons.is_valid, persons.customer_user_id
        from persons
        inner join loaded on persons.address = loaded.address
        where persons.has_usable_address and loaded.is_left_over

        union all

        select persons.person, loaded.contact_key, 4, persons.is_valid, persons.customer_user_id
        from persons
        inner join
            loaded
            on loaded.contact_key
            in ({{ login_key("trim(persons.login)") }}, {{ address_key("trim(persons.login)") }})

    ),

    -- One contact is one person's, and a person has one contact.
    undisputed as (

        select *
        from claims
        qualify
            row_number() over (
                partition by contact_key order by claim, is_valid desc, customer_user_id, person
            )
            = 1

    ),

    kept as (

        select person, contact_key
        from undisputed
        qualify
            row_number() over (
                partition by person order by claim, is_valid desc, customer_user_id, contact_key
            )
            = 1

    ),

    ranked as (

        select
            *,
            row_number() over (
                partition by person order by is_loaded desc, is_valid desc, customer_user_id
            ) as precedence,
            first_value(own_key) over (
                partition by person order by is_loaded desc, is_valid desc, customer_user_id
            ) as best_own_key
        from persons

    )

select
    ranked.* exclude (person, best_own_key),
    coalesce(kept.contact_key, ranked.best_own_key) as contact_key,
    ranked.precedence = 1 as is_primary,
    -- loaded twice, by his row and by his address before they were the same: Intercom admits the
    -- address once
    ranked.has_usable_address
    and {{ address_key("ranked.address") }} in (select contact_key from loaded)
    and {{ address_key("ranked.address") }}
    != coalesce(kept.contact_key, ranked.best_own_key) as is_address_taken
from ranked
left join kept on ranked.person = kept.person
