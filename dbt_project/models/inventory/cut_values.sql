-- Values of contacts and companies that are longer than Intercom takes, in full.
select
    'contact' as object,
    attributes.contact_key as object_key,
    contacts.external_id as otrs_id,
    attributes.name as attribute_name,
    attributes.otrs_value
from {{ ref("contact_attributes") }} as attributes
inner join {{ ref("contacts") }} as contacts on attributes.contact_key = contacts.contact_key
where attributes.is_cut
union all
select 'company', attributes.company_key, companies.company_id, attributes.name, attributes.otrs_value
from {{ ref("company_attributes") }} as attributes
inner join {{ ref("companies") }} as companies on attributes.company_key = companies.company_key
where attributes.is_cut
