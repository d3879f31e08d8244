-- Every company of a person: the one in his own row and the additional ones. A CustomerID without a
-- row is no company.
with
    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    additional as (select * from {{ ref("stg_otrs__customer_user_companies") }}),

    companies as (select * from {{ ref("companies") }}),

    memberships as (

        select contact_key, trim(customer_id) as customer_id, customer_user_id
        from customer_users
        union all
        select customer_users.contact_key, trim(additional.customer_id), customer_users.customer_user_id
        from additional
        inner join customer_users on lower(additional.customer_user_login) = lower(customer_users.login)

    ),

    -- the CustomerID in another case counts where there is none in its own
    resolved as (

        select memberships.contact_key, memberships.customer_user_id, companies.company_key
        from memberships
        inner join companies on lower(memberships.customer_id) = lower(trim(companies.company_id))
        qualify
            rank() over (
                partition by memberships.contact_key, memberships.customer_id
                order by memberships.customer_id = trim(companies.company_id) desc
            )
            = 1

    )

select contact_key, company_key, min(customer_user_id) as otrs_customer_user_id
from resolved
group by contact_key, company_key
