-- Attributes of contacts that must exist before the first contact is sent.
select 'contact' as model, name, data_type, description, null::json as options
from
    (
        values
            ('otrs-login', 'string', 'Login of the customer in OTRS'),
            ('otrs-other-logins', 'string', 'Other logins of the same person in OTRS'),
            ('otrs-customer-id', 'string', 'CustomerID in OTRS: the key of the customer''s company'),
            ('otrs-other-customer-ids', 'string', 'Further CustomerIDs of the same person in OTRS'),
            ('otrs-email', 'string', 'Address in OTRS where it is not a usable one'),
            ('otrs-title', 'string', 'Title of the person in OTRS'),
            ('otrs-phone', 'string', 'Phone number as it stood in OTRS'),
            ('otrs-phone-valid', 'boolean', 'Whether the phone number could be read without doubt'),
            ('otrs-mobile', 'string', 'Mobile number as it stood in OTRS'),
            ('otrs-fax', 'string', 'Fax number as it stood in OTRS'),
            ('otrs-street', 'string', 'Street in OTRS'),
            ('otrs-zip', 'string', 'Postal code in OTRS'),
            ('otrs-city', 'string', 'City in OTRS'),
            ('otrs-country', 'string', 'Country in OTRS'),
            ('otrs-comments', 'string', 'Comment on the customer in OTRS'),
            ('otrs-valid', 'boolean', 'Whether the customer was valid in OTRS'),
            ('otrs-services', 'string', 'Services that the customer had subscribed to in OTRS'),
            ('otrs-language', 'string', 'Language that the customer chose in OTRS'),
            ('otrs-time-zone', 'string', 'Time zone that the customer chose in OTRS'),
            ('otrs-preferences', 'string', 'Further preferences of the customer in OTRS')
    ) as attributes(name, data_type, description)
union all
select model, name, data_type, description, options
from {{ ref("int_dynamic_field_definitions") }}
where model = 'contact'
