-- Attributes of contacts that must exist before the first contact is sent.
select *, null::json as options
from
    (
        values
            ('contact', 'otrs-login', 'string', 'Login of the customer in OTRS'),
            (
                'contact',
                'otrs-customer-id',
                'string',
                'CustomerID in OTRS: the key of the customer''s company'
            ),
            ('contact', 'otrs-email', 'string', 'Address in OTRS where it is not a usable one'),
            ('contact', 'otrs-phone', 'string', 'Phone number as it stood in OTRS')
    ) as attributes(model, name, data_type, description)
