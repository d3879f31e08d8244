-- Attributes of companies that must exist before the first company is sent. Intercom wants names that
-- contacts do not have; the CustomerID is the company's own id.
with
    config_items as (

        select attribute_name as name, min(data_type) as data_type, min(description) as description
        from {{ ref("int_company_config_items") }}
        group by attribute_name

    )

select 'company' as model, name, data_type, description, null::json as options
from
    (
        values
            ('otrs-company-street', 'string', 'Street in OTRS'),
            ('otrs-company-zip', 'string', 'Postal code in OTRS'),
            ('otrs-company-city', 'string', 'City in OTRS'),
            ('otrs-company-country', 'string', 'Country in OTRS'),
            ('otrs-company-comments', 'string', 'Comment on the company in OTRS'),
            ('otrs-company-url', 'string', 'Web address in OTRS that is none'),
            ('otrs-company-valid', 'boolean', 'Whether the company was valid in OTRS'),
            ('otrs-company-labels', 'string', 'Choices of dynamic fields, which companies have no tags for')
    ) as attributes(name, data_type, description)
union all
select model, name, data_type, description, options
from {{ ref("int_dynamic_field_definitions") }}
where model = 'company'
union all
select 'company', name, data_type, description, null
from config_items
