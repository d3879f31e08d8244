-- Values of the conversations' attributes, one row each; a value that OTRS does not have has no row.
with
    conversations as (select * from {{ ref("conversations") }}),

    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    decided as (select * from {{ ref("int_tickets_decided") }}),

    priorities as (select * from {{ ref("stg_otrs__ticket_priorities") }}),

    priority_decisions as (select * from {{ ref("ticket_priorities") }}),

    types as (select * from {{ ref("stg_otrs__ticket_types") }}),

    described as (

        select
            conversations.conversation_key,
            tickets.ticket_number,
            conversations.otrs_queue,
            coalesce(priority_decisions.attribute_value, priorities.ticket_priority_name) as priority,
            priorities.ticket_priority_name as otrs_priority,
            types.ticket_type_name,
            decided.otrs_state,
            conversations.otrs_owner,
            tickets.created_at
        from conversations
        inner join tickets on conversations.otrs_ticket_id = tickets.ticket_id
        inner join decided on conversations.otrs_ticket_id = decided.ticket_id
        left join priorities on tickets.ticket_priority_id = priorities.ticket_priority_id
        left join priority_decisions on tickets.ticket_priority_id = priority_decisions.otrs_priority_id
        left join types on tickets.ticket_type_id = types.ticket_type_id

    ),

    valued as (

        select
            conversation_key,
            unnest(
                [
                    {'name':'OTRS ticket number', 'value':to_json(ticket_number), 'otrs_value':ticket_number},
                    {'name':'OTRS queue', 'value':to_json(otrs_queue), 'otrs_value':otrs_queue},
                    {'name':'OTRS priority', 'value':to_json(priority), 'otrs_value':otrs_priority},
                    {'name':'OTRS type', 'value':to_json(ticket_type_name), 'otrs_value':ticket_type_name},
                    {'name':'OTRS state', 'value':to_json(otrs_state), 'otrs_value':otrs_state},
                    {'name':'OTRS owner', 'value':to_json(otrs_owner), 'otrs_value':otrs_owner},
                    {
                        'name':'OTRS created',
                        'value':to_json({{ unix_seconds("created_at") }}),
                        'otrs_value':{{ unix_seconds("created_at") }}::varchar
                    }
                ],
                recursive := true
            )
        from described

    )

select conversation_key, name, value, otrs_value
from valued
where otrs_value is not null
