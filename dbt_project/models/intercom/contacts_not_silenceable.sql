{{ config(materialized="view", contract={"enforced": true}) }}

-- Contacts whom Intercom could write to while their conversations are loaded, and why.
with
    contacts as (select * from {{ ref("contacts") }}),

    loaded as (select * from {{ ref("int_contacts_loaded") }}),

    workspace as (select * from {{ ref("stg_intercom__contacts") }} where role = 'user')

select
    contacts.contact_key,
    contacts.external_id,
    case
        when loaded.contact_key is not null
        then 'loaded_with_its_address'
        when lower(contacts.email) in (select email from workspace where email is not null)
        then 'the_workspace_knows_the_address'
        when contacts.external_id in (select external_id from workspace where external_id is not null)
        then 'the_workspace_knows_the_external_id'
        else 'hold_emails_is_off'
    end as reason
from contacts
left join loaded on contacts.contact_key = loaded.contact_key
where
    contacts.email is not null and (not contacts.is_address_held or coalesce(loaded.is_address_given, false))
