-- Which services a customer has: his own, and the default ones when he has none of his own that is
-- valid. So OTRS itself offers them (Kernel::System::Service, CustomerUserServiceMemberList).
with
    subscriptions as (select * from {{ ref("stg_otrs__service_customer_users") }}),

    services as (select * from {{ ref("stg_otrs__services") }} where is_valid),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    own as (

        select
            customer_users.contact_key,
            subscriptions.customer_user_login as login,
            services.service_id,
            services.service_name
        from subscriptions
        inner join services on subscriptions.service_id = services.service_id
        inner join customer_users on lower(subscriptions.customer_user_login) = lower(customer_users.login)

    ),

    defaults as (

        select subscriptions.customer_user_login as login, services.service_id, services.service_name
        from subscriptions
        inner join services on subscriptions.service_id = services.service_id
        where subscriptions.customer_user_login = '<DEFAULT>'

    ),

    without_own as (

        select distinct contact_key
        from customer_users
        where is_primary and contact_key not in (select contact_key from own)

    )

select contact_key, login, service_id, service_name
from own
union
select without_own.contact_key, defaults.login, defaults.service_id, defaults.service_name
from without_own
cross join defaults
