{{ config(alias="ticket_history") }}

-- The history of all tickets, readable: who changed what, from what to what. Every row of OTRS is here.
with
    history as (

        select
            history.*, types.ticket_history_type_name as what, string_split(history.details, '%%') as fields
        from {{ ref("stg_otrs__ticket_history") }} as history
        left join
            {{ ref("stg_otrs__ticket_history_types") }} as types
            on history.ticket_history_type_id = types.ticket_history_type_id

    )

-- The texts begin with `%%`, so the first field is empty. OTRS cuts them at 200 characters.
select
    history.ticket_history_id,
    history.created_at,
    tickets.ticket_number,
    history.ticket_id,
    history.article_id,
    coalesce(agents.agent_name, 'agent ' || history.created_by_agent_id) as agent,
    history.what,
    nullif(
        case
            when history.what in ('StateUpdate', 'TitleUpdate')
            then history.fields[2]
            when history.what = 'PriorityUpdate'
            then history.fields[2]
            when history.what in ('Move', 'TypeUpdate', 'ServiceUpdate', 'SLAUpdate')
            then nullif(history.fields[4], 'NULL')
            when history.what = 'TicketDynamicFieldUpdate'
            then nullif(concat_ws(': ', history.fields[3], history.fields[7]), history.fields[3])
        end,
        ''
    ) as old_value,
    nullif(
        case
            when len(history.fields) < 2
            then history.details
            when history.what in ('StateUpdate', 'TitleUpdate')
            then history.fields[3]
            when history.what = 'PriorityUpdate'
            then history.fields[4]
            when history.what = 'TicketDynamicFieldUpdate'
            then concat_ws(': ', history.fields[3], history.fields[5])
            when history.what in ('Move', 'TypeUpdate', 'ServiceUpdate', 'SLAUpdate')
            then nullif(history.fields[2], 'NULL')
            when history.what in ('OwnerUpdate', 'ResponsibleUpdate', 'TimeAccounting')
            then history.fields[2]
            when history.what = 'Merged'
            then history.fields[2] || ' into ' || history.fields[4]
            else trim(array_to_string(history.fields[2:], ' '))
        end,
        ''
    ) as new_value,
    history.details
from history
left join {{ ref("stg_otrs__tickets") }} as tickets on history.ticket_id = tickets.ticket_id
left join {{ ref("int_agents_described") }} as agents on history.created_by_agent_id = agents.agent_id
