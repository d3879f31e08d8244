-- Which customer user became which contact: several logins of one person share one contact.
select customer_user_id as otrs_customer_user_id, login as otrs_login, contact_key, is_primary
from {{ ref("int_customer_users_merged") }}
