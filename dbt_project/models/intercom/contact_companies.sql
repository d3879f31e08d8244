-- Every company of a person: the one in his own row and the additional ones.
with
    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    additional as (select * from {{ ref("stg_otrs__customer_user_companies") }}),

    companies as (select * from {{ ref("companies") }}),

    memberships as (

        select contact_key, lower(trim(customer_id)) as customer_id
        from customer_users
        union
        select customer_users.contact_key, lower(trim(additional.customer_id))
        from additional
        inner join customer_users on lower(additional.customer_user_login) = lower(customer_users.login)

    )

select distinct memberships.contact_key, companies.company_key
from memberships
inner join companies on memberships.customer_id = lower(trim(companies.company_id))
