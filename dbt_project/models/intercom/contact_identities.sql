-- Which customer user became which contact, and why his data is or is not the one that the contact
-- carries.
select
    customer_user_id as otrs_customer_user_id,
    login as otrs_login,
    contact_key,
    is_primary,
    precedence,
    case
        when is_loaded
        then 'loaded before'
        when is_valid
        then 'valid, oldest first'
        else 'not valid, oldest first'
    end as rank_reason,
    is_address_taken
from {{ ref("int_customer_users_merged") }}
