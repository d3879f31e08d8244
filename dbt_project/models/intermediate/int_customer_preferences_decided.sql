-- What becomes of each customer preference: an attribute of the contact, or nothing, for a reason.
with
    preferences as (select * from {{ ref("stg_otrs__customer_preferences") }}),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    described as (

        select
            preferences.customer_user_login as login,
            preferences.preference_key,
            trim(preferences.preference_value) as preference_value,
            customer_users.contact_key,
            customer_users.precedence,
            {{ is_secret_preference("preferences.preference_key") }} as is_secret,
            coalesce(trim(preferences.preference_value), '') = '' as is_empty
        from preferences
        left join customer_users on lower(preferences.customer_user_login) = lower(customer_users.login)
        -- on PostgreSQL two logins may differ by their case only
        qualify
            row_number() over (
                partition by preferences.customer_user_login, preferences.preference_key
                order by
                    preferences.customer_user_login = customer_users.login desc nulls last,
                    customer_users.is_valid desc nulls last,
                    customer_users.customer_user_id
            )
            = 1

    ),

    decided as (

        select
            *,
            case
                when is_secret
                then 'secret_of_a_customer'
                when contact_key is null
                then 'customer_row_missing'
                when is_empty
                then 'preference_empty'
                when
                    row_number() over (
                        partition by contact_key, preference_key order by is_empty, precedence, login
                    )
                    > 1
                then 'value_of_another_login'
            end as reason_code
        from described

    )

select
    login,
    preference_key,
    case when not is_secret then preference_value end as preference_value,
    contact_key,
    case
        when reason_code is not null
        then null
        when preference_key = 'UserLanguage'
        then 'otrs-language'
        when preference_key = 'UserTimeZone'
        then 'otrs-time-zone'
        else 'otrs-preferences'
    end as attribute_name,
    reason_code
from decided
