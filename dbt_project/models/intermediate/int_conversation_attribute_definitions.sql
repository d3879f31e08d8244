-- Attributes of conversations that must exist before the first conversation is sent.
select *, null::json as options
from
    (
        values
            ('conversation', 'OTRS ticket number', 'string', 'Ticket number in OTRS'),
            ('conversation', 'OTRS queue', 'string', 'Full path of the queue in OTRS'),
            ('conversation', 'OTRS priority', 'string', 'Priority in OTRS'),
            ('conversation', 'OTRS type', 'string', 'Ticket type in OTRS'),
            ('conversation', 'OTRS state', 'string', 'State in OTRS at the time of the migration'),
            ('conversation', 'OTRS owner', 'string', 'Owner in OTRS at the time of the migration'),
            ('conversation', 'OTRS created', 'datetime', 'When the ticket was created in OTRS'),
            (
                'conversation',
                'OTRS continued in',
                'string',
                'Conversation with the further messages of the same OTRS ticket'
            ),
            (
                'conversation',
                'OTRS continues',
                'string',
                'Conversation with the earlier messages of the same OTRS ticket'
            )
    ) as attributes(model, name, data_type, description)
