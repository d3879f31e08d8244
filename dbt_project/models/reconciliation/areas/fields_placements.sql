-- Where each record of this area ended up: what tickets say beside their articles, and how OTRS is set up
-- for it.
with
    requests as (select slot, kind from {{ ref("requests") }}),

    -- of each ticket's first conversation
    slots as (

        select
            slot,
            try_cast(regexp_extract(slot, '^conversation/otrs:ticket:([0-9]+)/', 1) as bigint) as ticket_id,
            regexp_extract(slot, '^conversation/otrs:ticket:[0-9]+/(attribute|tag)/', 1) as kind,
            lower(
                regexp_extract(slot, '^conversation/otrs:ticket:[0-9]+/(attribute|tag)/(.*)$', 2, 's')
            ) as name
        from requests
        where regexp_matches(slot, '^conversation/otrs:ticket:[0-9]+/(attribute|tag)/')

    ),

    note_slots as (

        select slot, regexp_extract(slot, '/part/(otrs:ticket:[0-9]+:values)$', 1) as note_key
        from requests
        where kind = 'conversation.reply' and regexp_matches(slot, '/part/otrs:ticket:[0-9]+:values$')

    ),

    tickets as (

        select tickets.ticket_id, coalesce(decided.is_loaded, false) as is_loaded
        from {{ ref("stg_otrs__tickets") }} as tickets
        left join {{ ref("int_tickets_decided") }} as decided on tickets.ticket_id = decided.ticket_id

    ),

    -- Values of customers and companies are another area's.
    field_values as (

        select labelled.*, decided.target, decided.attribute_name, decided.value, decided.tag_name
        from {{ ref("int_dynamic_field_values_labelled") }} as labelled
        left join
            {{ ref("int_dynamic_field_values_decided") }} as decided
            on labelled.dynamic_field_value_id = decided.dynamic_field_value_id
        where coalesce(labelled.object_type, '') not in ('CustomerUser', 'CustomerCompany')

    ),

    field_values_of_tickets as (

        select
            field_values.*,
            case
                when field_values.object_type = 'Ticket'
                then field_values.object_id
                when field_values.object_type = 'Article'
                then articles.ticket_id
            end as ticket_id,
            field_values.object_type in ('Ticket', 'Article') as is_of_ticket
        from field_values
        left join
            {{ ref("stg_otrs__articles") }} as articles
            on field_values.object_type = 'Article'
            and field_values.object_id = articles.article_id

    ),

    field_value_ways as (

        select
            field_values.*,
            case
                when field_values.field_name is null
                then 'field_gone'
                when field_values.is_empty
                then 'field_value_empty'
                when field_values.is_of_ticket and tickets.ticket_id is null
                then 'orphan_field_value'
                when field_values.is_of_ticket and not tickets.is_loaded
                then 'ticket_not_loaded'
                when field_values.target = 'ignore'
                then 'field_ignored_by_decision'
            end as reason_code,
            case
                when field_values.target = 'inventory'
                then 'inventory'
                when field_values.target = 'tag'
                then 'tag'
                when
                    field_values.target = 'attribute'
                    and field_values.value is not null
                    and field_values.object_type = 'Ticket'
                then 'attribute'
                when field_values.target in ('attribute', 'note')
                then 'note'
            end as way
        from field_values_of_tickets as field_values
        left join tickets on field_values.ticket_id = tickets.ticket_id

    ),

    field_value_placements as (

        select
            'dynamic_field_value' as source_table,
            ways.dynamic_field_value_id::varchar as source_id,
            case
                when ways.reason_code is not null
                then 'exclusion'
                when ways.way = 'inventory'
                then 'inventory'
                else 'request'
            end as place,
            case
                when ways.reason_code is not null
                then ways.reason_code
                when ways.way = 'inventory'
                then 'inventory.dynamic_field_values'
                else coalesce(slots.slot, note_slots.slot)
            end as detail
        from field_value_ways as ways
        left join
            slots
            on ways.ticket_id = slots.ticket_id
            and ways.way = slots.kind
            and slots.name = lower(case when ways.way = 'tag' then ways.tag_name else ways.attribute_name end)
        left join
            note_slots
            on ways.way = 'note'
            and note_slots.note_key = 'otrs:ticket:' || ways.ticket_id || ':values'
        left join
            {{ ref("inventory_dynamic_field_values") }} as listed
            on ways.dynamic_field_value_id = listed.dynamic_field_value_id
        where
            ways.reason_code is not null
            or slots.slot is not null
            or note_slots.slot is not null
            or (ways.way = 'inventory' and listed.dynamic_field_value_id is not null)

    ),

    -- Rows about a ticket that stand in one of its attributes.
    {% set rows_of_tickets = [
        (
            "ticket_watcher",
            "stg_otrs__ticket_watchers",
            "ticket_id || '|' || rows_of.agent_id",
            "otrs watchers",
        ),
        (
            "time_accounting",
            "stg_otrs__time_accounting",
            "time_accounting_id::varchar",
            "otrs time units",
        ),
    ] %}

    rows_of_tickets as (

        {% for source_table, model, key, attribute in rows_of_tickets %}
            select
                '{{ source_table }}' as source_table,
                rows_of.{{ key }} as source_id,
                case when tickets.is_loaded then 'request' else 'exclusion' end as place,
                case
                    when tickets.ticket_id is null
                    then 'orphan_ticket_row'
                    when not tickets.is_loaded
                    then 'ticket_not_loaded'
                    else slots.slot
                end as detail
            from {{ ref(model) }} as rows_of
            left join tickets on rows_of.ticket_id = tickets.ticket_id
            left join
                slots
                on rows_of.ticket_id = slots.ticket_id
                and slots.kind = 'attribute'
                and slots.name = '{{ attribute }}'
            where tickets.is_loaded is distinct from true or slots.slot is not null
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}

    ),

    link_slots as (select ticket_id, slot from slots where kind = 'attribute' and name = 'otrs links'),

    link_sides as (

        select
            concat_ws(
                '|',
                links.source_object_id,
                links.source_key,
                links.target_object_id,
                links.target_key,
                links.link_type_id
            ) as source_id,
            links.link_state = 'Temporary' as is_temporary,
            links.source_object = 'Ticket' or links.target_object = 'Ticket' as is_of_ticket,
            coalesce(source_slots.slot, target_slots.slot) as slot,
            coalesce(sources.ticket_id, targets.ticket_id) is not null as is_known
        from {{ ref("inventory_links") }} as links
        left join
            tickets as sources
            on links.source_object = 'Ticket'
            and links.source_key = sources.ticket_id::varchar
        left join
            tickets as targets
            on links.target_object = 'Ticket'
            and links.target_key = targets.ticket_id::varchar
        left join link_slots as source_slots on sources.ticket_id = source_slots.ticket_id
        left join link_slots as target_slots on targets.ticket_id = target_slots.ticket_id

    ),

    link_placements as (

        select
            'link_relation' as source_table,
            source_id,
            case
                when is_temporary
                then 'exclusion'
                when not is_of_ticket
                then 'inventory'
                when slot is not null
                then 'request'
                else 'exclusion'
            end as place,
            case
                when is_temporary
                then 'link_temporary'
                when not is_of_ticket
                then 'inventory.links'
                when slot is not null
                then slot
                when is_known
                then 'ticket_not_loaded'
                else 'orphan_link'
            end as detail
        from link_sides

    ),

    preferences as (

        select
            'user_preferences' as source_table,
            preferences.agent_id || '|' || preferences.preference_key as source_id,
            case
                when
                    agents.agent_id is not null and {{ is_personal_preference("preferences.preference_key") }}
                then 'inventory'
                else 'exclusion'
            end as place,
            case
                when agents.agent_id is null
                then 'orphan_agent_preference'
                when {{ is_personal_preference("preferences.preference_key") }}
                then 'inventory.agents'
                else 'agent_preference_of_screens'
            end as detail
        from {{ ref("stg_otrs__agent_preferences") }} as preferences
        left join {{ ref("inventory_agents") }} as agents on preferences.agent_id = agents.agent_id

    ),

    placed as (

        select *
        from field_value_placements
        union all
        select *
        from rows_of_tickets
        union all
        select *
        from link_placements
        union all
        select *
        from preferences
        union all
        select
            case
                kind when 'type' then 'ticket_type' when 'priority' then 'ticket_priority' else 'ticket_state'
            end,
            otrs_id::varchar,
            'inventory',
            'inventory.ticket_vocabulary'
        from {{ ref("inventory_ticket_vocabulary") }}
        union all
        select 'dynamic_field', dynamic_field_id::varchar, 'inventory', 'inventory.dynamic_fields'
        from {{ ref("inventory_dynamic_fields") }}
        union all
        select 'ticket_history', ticket_history_id::varchar, 'inventory', 'inventory.ticket_history'
        from {{ ref("inventory_ticket_history") }}
        union all
        select 'sla', sla_id::varchar, 'inventory', 'inventory.slas'
        from {{ ref("inventory_slas") }}
        union all
        select 'queue', otrs_queue_id::varchar, 'final', 'intercom.teams'
        from {{ ref("teams") }}
        union all
        select 'users', otrs_agent_id::varchar, 'final', 'intercom.teammates'
        from {{ ref("teammates") }}

    )

select source_table, source_id, place, detail, null::bigint as bytes
from placed
