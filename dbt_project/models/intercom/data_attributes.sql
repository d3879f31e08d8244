-- Attributes that must exist before the first record that uses them.
select *
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
            ('contact', 'otrs-phone', 'string', 'Phone number as it stood in OTRS'),
            ('conversation', 'OTRS ticket number', 'string', 'Ticket number in OTRS'),
            ('conversation', 'OTRS queue', 'string', 'Full path of the queue in OTRS'),
            ('conversation', 'OTRS priority', 'string', 'Priority in OTRS'),
            ('conversation', 'OTRS type', 'string', 'Ticket type in OTRS'),
            ('conversation', 'OTRS state', 'string', 'State in OTRS at the time of the migration'),
            ('conversation', 'OTRS owner', 'string', 'Owner in OTRS at the time of the migration'),
            ('conversation', 'OTRS created', 'datetime', 'When the ticket was created in OTRS')
    ) as attributes(model, name, data_type, description)
