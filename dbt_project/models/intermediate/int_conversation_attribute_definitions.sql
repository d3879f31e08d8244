-- Attributes of conversations that must exist before the first conversation is sent; those of dynamic
-- fields are in `int_dynamic_field_definitions`.
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
            ),
            (
                'conversation',
                'OTRS responsible',
                'string',
                'Responsible agent in OTRS at the time of the migration'
            ),
            ('conversation', 'OTRS SLA', 'string', 'Service level agreement of the ticket in OTRS'),
            ('conversation', 'OTRS service', 'string', 'Full path of the service in OTRS'),
            ('conversation', 'OTRS created', 'datetime', 'When the ticket was created in OTRS'),
            (
                'conversation',
                'OTRS first response',
                'datetime',
                'When an agent first answered the customer in OTRS'
            ),
            ('conversation', 'OTRS closed', 'datetime', 'When the ticket was last closed in OTRS'),
            ('conversation', 'OTRS archived', 'boolean', 'Whether the ticket was archived in OTRS'),
            (
                'conversation',
                'OTRS first response due',
                'datetime',
                'Until when OTRS expected the first response'
            ),
            ('conversation', 'OTRS update due', 'datetime', 'Until when OTRS expected the next update'),
            ('conversation', 'OTRS solution due', 'datetime', 'Until when OTRS expected the solution'),
            (
                'conversation',
                'OTRS first response minutes',
                'integer',
                'Working minutes to the first response, by SLA or queue in OTRS'
            ),
            (
                'conversation',
                'OTRS update minutes',
                'integer',
                'Working minutes between updates, by SLA or queue in OTRS'
            ),
            (
                'conversation',
                'OTRS solution minutes',
                'integer',
                'Working minutes to the solution, by SLA or queue in OTRS'
            ),
            (
                'conversation',
                'OTRS calendar',
                'string',
                'Calendar of working hours by which OTRS counted those minutes'
            ),
            ('conversation', 'OTRS watchers', 'string', 'Agents who watched the ticket in OTRS'),
            ('conversation', 'OTRS time units', 'decimal', 'Sum of the time units accounted in OTRS'),
            (
                'conversation',
                'OTRS merged into',
                'string',
                'Ticket in OTRS that took over the articles, and its conversation'
            ),
            (
                'conversation',
                'OTRS links',
                'string',
                'What the ticket was linked with in OTRS, and the conversations of it'
            )
    ) as attributes(model, name, data_type, description)
