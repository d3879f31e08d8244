-- CustomerIDs of customers that no company has: the address in a set-up without companies, or a
-- company that is gone. They are kept as attributes. One that several people share may be a company
-- that somebody forgot.
with
    used as (

        select trim(customer_id) as customer_id, customer_user_login as login
        from {{ ref("stg_otrs__customer_users") }}
        union
        select trim(customer_id), customer_user_login
        from {{ ref("stg_otrs__customer_user_companies") }}

    ),

    companies as (
        select lower(trim(customer_id)) as customer_id from {{ ref("stg_otrs__customer_companies") }}
    )

select used.customer_id, count(*) as logins, count(*) > 1 as is_shared
from used
anti join companies on lower(used.customer_id) = companies.customer_id
where used.customer_id != ''
group by used.customer_id
