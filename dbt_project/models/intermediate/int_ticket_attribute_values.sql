-- Values of the attributes of a ticket's conversations, one row each; what OTRS does not have has no row.
-- A text that is longer than an attribute may be is cut here; its full words go into a note.
with
    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    decided as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    queues as (select * from {{ ref("stg_otrs__queues") }}),

    priorities as (select * from {{ ref("stg_otrs__ticket_priorities") }}),

    priority_decisions as (select * from {{ ref("ticket_priorities") }}),

    types as (select * from {{ ref("stg_otrs__ticket_types") }}),

    type_decisions as (select * from {{ ref("ticket_types") }}),

    agents as (select * from {{ ref("int_agents_described") }}),

    slas as (select * from {{ ref("stg_otrs__slas") }}),

    services as (select service_id, service_name from {{ ref("stg_otrs__services") }}),

    times as (select * from {{ ref("int_ticket_times") }}),

    calendar_names as ({{ calendar_names() }}),

    watchers as (

        select
            watchers.ticket_id,
            string_agg(
                distinct coalesce(agents.agent_name, 'agent ' || watchers.agent_id),
                ', '
                order by coalesce(agents.agent_name, 'agent ' || watchers.agent_id)
            ) as names
        from {{ ref("stg_otrs__ticket_watchers") }} as watchers
        left join agents on watchers.agent_id = agents.agent_id
        group by watchers.ticket_id

    ),

    accounted as (

        select ticket_id, sum(time_units) as time_units
        from {{ ref("stg_otrs__time_accounting") }}
        group by ticket_id

    ),

    -- Times of an SLA win over those of the queue, as a whole.
    described as (

        select
            tickets.ticket_id,
            tickets.ticket_number,
            queues.queue_name,
            coalesce(priority_decisions.attribute_value, priorities.ticket_priority_name) as priority,
            priorities.ticket_priority_name,
            coalesce(type_decisions.attribute_value, types.ticket_type_name) as ticket_type,
            types.ticket_type_name,
            decided.otrs_state,
            owners.agent_login as owner,
            responsibles.agent_login as responsible,
            slas.sla_name,
            services.service_name,
            watchers.names as watchers,
            accounted.time_units,
            tickets.is_archived,
            tickets.created_at,
            times.first_response_at,
            times.closed_at,
            tickets.first_response_due_at,
            tickets.update_due_at,
            tickets.solution_due_at,
            nullif(
                case
                    when slas.sla_id is null
                    then queues.first_response_minutes
                    else slas.first_response_minutes
                end,
                0
            ) as first_response_minutes,
            nullif(
                case when slas.sla_id is null then queues.update_minutes else slas.update_minutes end, 0
            ) as update_minutes,
            nullif(
                case when slas.sla_id is null then queues.solution_minutes else slas.solution_minutes end, 0
            ) as solution_minutes,
            coalesce(slas.calendar_name, queues.calendar_name) as calendar_number
        from decided
        inner join tickets on decided.ticket_id = tickets.ticket_id
        left join queues on tickets.queue_id = queues.queue_id
        left join priorities on tickets.ticket_priority_id = priorities.ticket_priority_id
        left join priority_decisions on tickets.ticket_priority_id = priority_decisions.otrs_priority_id
        left join types on tickets.ticket_type_id = types.ticket_type_id
        left join type_decisions on tickets.ticket_type_id = type_decisions.otrs_type_id
        left join agents as owners on tickets.owner_agent_id = owners.agent_id
        left join agents as responsibles on tickets.responsible_agent_id = responsibles.agent_id
        left join slas on tickets.sla_id = slas.sla_id
        left join services on tickets.service_id = services.service_id
        left join times on tickets.ticket_id = times.ticket_id
        left join watchers on tickets.ticket_id = watchers.ticket_id
        left join accounted on tickets.ticket_id = accounted.ticket_id

    ),

    ticket_values as (

        select
            described.ticket_id,
            unnest(
                [
                    {% for name, column, otrs_column in [
                        ("OTRS ticket number", "ticket_number", "ticket_number"),
                        ("OTRS queue", "queue_name", "queue_name"),
                        ("OTRS priority", "priority", "ticket_priority_name"),
                        ("OTRS type", "ticket_type", "ticket_type_name"),
                        ("OTRS state", "otrs_state", "otrs_state"),
                        ("OTRS owner", "owner", "owner"),
                        ("OTRS responsible", "responsible", "responsible"),
                        ("OTRS SLA", "sla_name", "sla_name"),
                        ("OTRS service", "service_name", "service_name"),
                        ("OTRS watchers", "watchers", "watchers"),
                    ] %}
                        {
                            'name':'{{ name }}',
                            'text':described.{{ column }},
                            'json':null::json,
                            'otrs_value':described.{{ otrs_column }}
                        },
                    {% endfor %}
                    {% for name, column in [
                        ("OTRS created", "created_at"),
                        ("OTRS first response", "first_response_at"),
                        ("OTRS closed", "closed_at"),
                        ("OTRS first response due", "first_response_due_at"),
                        ("OTRS update due", "update_due_at"),
                        ("OTRS solution due", "solution_due_at"),
                    ] %}
                        {
                            'name':'{{ name }}',
                            'text':null,
                            'json':to_json({{ unix_seconds("described." ~ column) }}),
                            'otrs_value':{{ unix_seconds("described." ~ column) }}::varchar
                        },
                    {% endfor %}
                    {% for name, column in [
                        ("OTRS first response minutes", "first_response_minutes"),
                        ("OTRS update minutes", "update_minutes"),
                        ("OTRS solution minutes", "solution_minutes"),
                        ("OTRS archived", "is_archived"),
                    ] %}
                        {
                            'name':'{{ name }}',
                            'text':null,
                            'json':to_json(described.{{ column }}),
                            'otrs_value':described.{{ column }}::varchar
                        },
                    {% endfor %}
                    {
                        'name':'OTRS time units',
                        'text':null,
                        'json':to_json(described.time_units::double),
                        'otrs_value':described.time_units::varchar
                    },
                    {
                        'name':'OTRS calendar',
                        'text':
                        case
                            when
                                coalesce(
                                    described.first_response_minutes,
                                    described.update_minutes,
                                    described.solution_minutes
                                )
                                is null
                            then null
                            when described.calendar_number is null
                            then 'default'
                            else coalesce(calendar_names.value, 'Calendar ' || described.calendar_number)
                        end,
                        'json':null,
                        'otrs_value':
                        case
                            when
                                coalesce(
                                    described.first_response_minutes,
                                    described.update_minutes,
                                    described.solution_minutes
                                )
                                is not null
                            then coalesce(described.calendar_number, '')
                        end
                    }
                ],
                recursive := true
            )
        from described
        left join calendar_names on described.calendar_number = calendar_names.calendar_number

    ),

    field_values as (

        select
            field_values.object_id as ticket_id,
            min(field_values.attribute_name) as name,
            case
                when min(field_values.data_type) = 'string'
                then
                    string_agg(
                        field_values.display_value,
                        ', '
                        order by field_values.dynamic_field_id, field_values.value_position
                    )
            end as text,
            case when min(field_values.data_type) != 'string' then any_value(field_values.value) end as json,
            to_json(
                list(
                    field_values.otrs_value
                    order by field_values.dynamic_field_id, field_values.value_position
                )
            )::varchar as otrs_value
        from {{ ref("int_dynamic_field_values_decided") }} as field_values
        semi join decided on field_values.object_id = decided.ticket_id
        where
            field_values.object_type = 'Ticket'
            and field_values.target = 'attribute'
            and field_values.attribute_name is not null
            and field_values.value is not null
        group by field_values.object_id, lower(field_values.attribute_name)

    ),

    united as (

        select *, 'ticket' as source_table
        from ticket_values
        where otrs_value is not null

        union all by name

        select *, 'dynamic_field_value' as source_table
        from field_values

    )

select
    ticket_id,
    name,
    case
        when text is null
        then json
        when length(text) > {{ var("text_limit") }}
        then to_json(left(text, {{ var("text_limit") }} - 1) || '…')
        else to_json(text)
    end as value,
    otrs_value,
    text as full_text,
    coalesce(length(text) > {{ var("text_limit") }}, false) as is_cut,
    source_table
from united
