-- One person, one contact: customer users who share an address, in whatever case, become one contact.
-- The one already loaded wins, then a valid one, then the oldest; the others are kept as logins.
with
    customer_users as (select * from {{ ref("stg_otrs__customer_users") }}),

    receipts as (select * from {{ ref("stg_ledger__receipts") }}),

    identified as (

        select
            customer_user_id,
            customer_user_login as login,
            customer_id,
            first_name,
            last_name,
            email,
            phone,
            mobile,
            is_valid,
            created_at,
            'otrs:customer_user:' || customer_user_id as own_key,
            {{ is_usable_address("trim(email)") }} as has_usable_address,
            lower(trim(email)) as address
        from customer_users

    ),

    ranked as (

        select
            identified.*,
            first_value(identified.own_key) over (
                partition by
                    case
                        when identified.has_usable_address then identified.address else identified.own_key
                    end
                order by
                    receipts.slot is not null desc, identified.is_valid desc, identified.customer_user_id asc
            ) as contact_key
        from identified
        left join receipts on receipts.slot = 'contact/' || identified.own_key

    )

select *, contact_key = own_key as is_primary
from ranked
