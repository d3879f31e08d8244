-- One row per parameter of a report: what stands on the x-axis, what the value series are, and what it is
-- restricted to. Ids are given with what they stand for.
with
    found as (

        select
            xml_key as report_id,
            value,
            regexp_extract(
                value_path,
                '^\[0\]\{''otrs_stats''\}\[1\]\{''UseAs(Xvalue|ValueSeries|Restriction)''\}\[(\d+)\]\{''([^'']+)''\}(?:\[(\d+)\]\{''Content''\})?',
                ['role', 'number', 'attribute', 'place']
            ) as part
        from {{ ref("stg_otrs__xml_values") }}
        where
            xml_type = 'Stats'
            and starts_with(value_path, '[0]{''otrs_stats''}[1]{''UseAs')
            and not ends_with(value_path, '{''TagKey''}')

    ),

    parameters as (

        select
            report_id,
            case
                part.role
                when 'Xvalue'
                then 'x-axis'
                when 'ValueSeries'
                then 'value series'
                when 'Restriction'
                then 'restriction'
            end as role,
            try_cast(part.number as bigint) as position,
            max(value) filter (part.attribute = 'Element') as element,
            max(value) filter (part.attribute = 'Block') as block,
            max(value) filter (part.attribute = 'Fixed') as fixed,
            to_json(
                map(
                    list(part.attribute order by part.attribute) filter (is_setting),
                    list(value order by part.attribute) filter (is_setting)
                )
            ) as settings
        from
            (
                select
                    *,
                    part.attribute
                    not in ('Element', 'Block', 'Fixed', 'Content', 'SelectedValues', '') as is_setting
                from found
                qualify row_number() over (partition by report_id, part order by value) = 1
            )
        group by all

    ),

    labels as (

        select 'QueueIDs' as element, queue_id::varchar as id, queue_name as label
        from {{ ref("stg_otrs__queues") }}
        union all
        select 'CreatedQueueIDs', queue_id::varchar, queue_name
        from {{ ref("stg_otrs__queues") }}
        union all
        select 'StateIDs', ticket_state_id::varchar, ticket_state_name
        from {{ ref("stg_otrs__ticket_states") }}
        union all
        select 'CreatedStateIDs', ticket_state_id::varchar, ticket_state_name
        from {{ ref("stg_otrs__ticket_states") }}
        union all
        select 'StateTypeIDs', ticket_state_type_id::varchar, ticket_state_type_name
        from {{ ref("stg_otrs__ticket_state_types") }}
        union all
        select 'PriorityIDs', ticket_priority_id::varchar, ticket_priority_name
        from {{ ref("stg_otrs__ticket_priorities") }}
        union all
        select 'CreatedPriorityIDs', ticket_priority_id::varchar, ticket_priority_name
        from {{ ref("stg_otrs__ticket_priorities") }}
        union all
        select 'TypeIDs', ticket_type_id::varchar, ticket_type_name
        from {{ ref("stg_otrs__ticket_types") }}
        union all
        select 'ServiceIDs', service_id::varchar, service_name
        from {{ ref("stg_otrs__services") }}
        union all
        select 'SLAIDs', sla_id::varchar, sla_name
        from {{ ref("stg_otrs__slas") }}
        union all
        select unnest(['OwnerIDs', 'ResponsibleIDs', 'CreatedUserIDs']), agent_id::varchar, agent_login
        from {{ ref("stg_otrs__agents") }}

    ),

    selected as (

        select
            found.report_id,
            found.part.role as role,
            try_cast(found.part.number as bigint) as position,
            try_cast(found.part.place as bigint) as place,
            found.value
        from found
        where found.part.attribute = 'SelectedValues' and found.part.place != ''

    ),

    chosen as (

        select
            parameters.report_id,
            parameters.role,
            parameters.position,
            list(selected.value order by selected.place) as selected_values,
            string_agg(
                coalesce(labels.label, selected.value), ', ' order by selected.place
            ) as selected_labels
        from selected
        inner join
            parameters
            on selected.report_id = parameters.report_id
            and selected.position = parameters.position
            and parameters.role = case
                selected.role
                when 'Xvalue'
                then 'x-axis'
                when 'ValueSeries'
                then 'value series'
                else 'restriction'
            end
        left join labels on parameters.element = labels.element and selected.value = labels.id
        group by all

    )

select
    parameters.report_id,
    parameters.role,
    parameters.position,
    parameters.element,
    parameters.block,
    parameters.fixed = '1' as is_fixed,
    to_json(chosen.selected_values) as selected_values,
    chosen.selected_labels,
    nullif(parameters.settings::varchar, '{}')::json as settings,
    case
        when parameters.settings ->> '$.TimeRelativeUnit' is not null
        then
            concat_ws(
                ', ',
                'the last '
                || (parameters.settings ->> '$.TimeRelativeCount')
                || ' '
                || lower(parameters.settings ->> '$.TimeRelativeUnit')
                || '(s)',
                case
                    when coalesce(parameters.settings ->> '$.TimeRelativeUpcomingCount', '0') != '0'
                    then
                        'and the next '
                        || (parameters.settings ->> '$.TimeRelativeUpcomingCount')
                        || ' '
                        || lower(parameters.settings ->> '$.TimeRelativeUnit')
                        || '(s)'
                end,
                'in steps of ' || (parameters.settings ->> '$.TimeScaleCount')
            )
        when parameters.settings ->> '$.TimeStart' is not null
        then
            concat_ws(
                ' ', 'from', parameters.settings ->> '$.TimeStart', 'to', parameters.settings ->> '$.TimeStop'
            )
    end as period
from parameters
left join
    chosen
    on parameters.report_id = chosen.report_id
    and parameters.role = chosen.role
    and parameters.position = chosen.position
