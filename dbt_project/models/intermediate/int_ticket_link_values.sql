-- Attributes of a ticket that name other tickets: its links, and the ticket it was merged into. The ids
-- of the other conversations are not known before all of them exist, so these attributes are set last.
with
    links as (

        select
            *,
            json_array(link_type, side, other_object, other_key)::varchar as otrs_value,
            relation
            || ' '
            || other_text
            || case
                when other_conversation is not null
                then ' (conversation '
                when other_object = 'Ticket'
                then ' (not loaded)'
                else ''
            end as lead,
            case when other_conversation is not null then ')' else '' end as tail
        from {{ ref("int_ticket_links") }}

    ),

    -- An id of Intercom has some fifteen digits; with the words between two links, 20 are reserved.
    measured as (

        select
            *,
            sum(length(lead) + 24) over (
                partition by ticket_id
                order by relation, other_object, try_cast(other_key as bigint), other_key
            ) as length_so_far,
            row_number() over (
                partition by ticket_id
                order by relation, other_object, try_cast(other_key as bigint), other_key
            ) as number,
            count(*) over (partition by ticket_id) as links
        from links

    ),

    -- Room is left for "; and 12 more, see the note".
    fitting as (select *, length_so_far <= {{ var("text_limit") }} - 35 as fits from measured),

    link_values as (

        select
            ticket_id,
            'OTRS links' as name,
            flatten(
                list(
                    [
                        to_json(case when number > 1 then '; ' else '' end || lead),
                        case
                            when other_conversation is not null
                            then json_object('$ref', other_conversation, 'default', 'not loaded')
                            else to_json('')
                        end,
                        to_json(tail)
                    ]
                    order by number
                ) filter (where fits)
            ) as parts,
            count(*) filter (where not fits) as left_out,
            to_json(list(otrs_value order by number))::varchar as otrs_value,
            string_agg(
                relation
                || ' '
                || other_text
                || case
                    when other_object = 'Ticket' and other_conversation is null then ' (not loaded)' else ''
                end,
                chr(10)
                order by number
            ) as full_text
        from fitting
        group by ticket_id

    ),

    -- `%%<merged number>%%<merged id>%%<main number>%%<main id>`, written to both tickets. A chain of
    -- merges is followed one step: each ticket names the one it went into.
    merges as (

        select
            history.ticket_id,
            history.ticket_history_id,
            split_part(history.details, '%%', 4) as main_number,
            try_cast(split_part(history.details, '%%', 5) as bigint) as main_id
        from {{ ref("stg_otrs__ticket_history") }} as history
        inner join
            {{ ref("stg_otrs__ticket_history_types") }} as types
            on history.ticket_history_type_id = types.ticket_history_type_id
        where
            types.ticket_history_type_name = 'Merged'
            and try_cast(split_part(history.details, '%%', 3) as bigint) = history.ticket_id
        qualify row_number() over (partition by history.ticket_id order by history.ticket_history_id desc) = 1

    ),

    decided as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    merge_values as (

        select
            merges.ticket_id,
            'OTRS merged into' as name,
            case
                when mains.ticket_key is not null
                then
                    [
                        to_json(merges.main_number || ' (conversation '),
                        json_object('$ref', 'conversation/' || mains.ticket_key, 'default', 'not loaded'),
                        to_json(')')
                    ]
                else [to_json(merges.main_number || ' (not loaded)')]
            end as parts,
            merges.main_number as otrs_value
        from merges
        inner join decided on merges.ticket_id = decided.ticket_id and decided.otrs_state_type = 'merged'
        left join decided as mains on merges.main_id = mains.ticket_id

    )

select
    ticket_id,
    name,
    json_object(
        '$concat',
        to_json(
            case
                when left_out > 0
                then
                    list_append(
                        coalesce(parts, []::json[]),
                        to_json(
                            case when parts is null then '' else '; and ' end
                            || left_out
                            || case
                                when parts is null then ' links, see the note' else ' more, see the note'
                            end
                        )
                    )
                else parts
            end
        )
    ) as value,
    otrs_value,
    full_text,
    left_out > 0 as is_cut
from link_values
union all
select ticket_id, name, json_object('$concat', to_json(parts)), otrs_value, null, false
from merge_values
