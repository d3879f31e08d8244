with
    contacts as (select * from {{ ref("int_contacts_united") }}),
    phones as (select contact_key, e164(otrs_phone) as answer from contacts)

select
    -- ids
    contacts.contact_key,
    contacts.external_id,

    -- fields of Intercom
    'user' as role,
    contacts.email,
    contacts.name,
    phones.answer.value as phone,

    -- attributes
    contacts.login as otrs_login,
    contacts.customer_id as otrs_customer_id,
    contacts.otrs_email,
    contacts.otrs_phone,
    contacts.is_valid,

    -- where it comes from
    contacts.source_table,
    contacts.source_id,

    -- timestamps, UTC
    contacts.created_at as signed_up_at
from contacts
left join phones on contacts.contact_key = phones.contact_key
