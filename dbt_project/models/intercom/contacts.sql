select
    -- ids
    contact_key,
    external_id,

    -- fields of Intercom
    'user' as role,
    email,
    is_address_held,
    name,
    phone,

    -- as in OTRS
    login as otrs_login,
    customer_id as otrs_customer_id,
    otrs_email,
    otrs_phone,
    is_valid,

    -- where it comes from
    source_table,
    source_id,
    kept_content_hash,

    -- timestamps, UTC
    created_at as signed_up_at
from {{ ref("int_contacts_united") }}
