-- One row per statistics report that somebody set up, or that OTRS ships as a sample.
with
    -- One value per row: element, its number in its list, and what of the element it is.
    found as (

        select
            xml_key as report_id,
            value_path,
            value,
            regexp_extract(
                value_path, '^\[0\]\{''otrs_stats''\}\[1\]\{''([^'']+)''\}\[(\d+)\]', 1
            ) as element,
            try_cast(
                regexp_extract(
                    value_path, '^\[0\]\{''otrs_stats''\}\[1\]\{''([^'']+)''\}\[(\d+)\]', 2
                ) as bigint
            ) as number
        from {{ ref("stg_otrs__xml_values") }}
        where xml_type = 'Stats' and not ends_with(value_path, '{''TagKey''}')

    ),

    contents as (
        select *
        from found
        where value_path = concat('[0]{''otrs_stats''}[1]{''', element, '''}[', number, ']{''Content''}')
    ),

    groups as (

        select
            contents.report_id,
            string_agg(
                coalesce(groups.group_name, 'group ' || contents.value), ', ' order by contents.number
            ) as names
        from contents
        left join {{ ref("stg_otrs__groups") }} as groups on contents.value = groups.group_id::varchar
        where contents.element = 'Permission'
        group by contents.report_id

    ),

    properties as (

        select
            report_id,
            max(value) filter (element = 'StatNumber') as number,
            max(value) filter (element = 'Title') as title,
            max(value) filter (element = 'Description') as description,
            max(value) filter (element = 'StatType') as kind,
            max(value) filter (element = 'Object') as object,
            max(value) filter (element = 'ObjectModule') as object_module,
            max(value) filter (element = 'File') as file,
            string_agg(value, ', ' order by number) filter (element = 'Format') as formats,
            max(value) filter (element = 'SumRow') = '1' as has_row_sums,
            max(value) filter (element = 'SumCol') = '1' as has_column_sums,
            max(value) filter (element = 'Cache') = '1' as is_cached,
            max(value) filter (element = 'ShowAsDashboardWidget') = '1' as is_on_dashboard,
            max(value) filter (element = 'Valid') = '1' as is_valid,
            max(value) filter (element = 'TimeZone') as time_zone,
            try_cast(max(value) filter (element = 'CreatedBy') as bigint) as created_by_agent_id,
            max(value) filter (element = 'Created') as created,
            max(value) filter (element = 'Changed') as changed
        from contents
        group by report_id

    ),

    everything as (

        select
            report_id,
            {{ json_object_of("value_path", "value", "value_path") }} as all_values,
            -- only what was read from a file has the blanks between its elements
            count(*) filter (value_path = '[0]{''otrs_stats''}[1]{''Content''}') > 0 as was_imported
        from found
        group by report_id

    )

select
    everything.report_id,
    properties.number as report_number,
    properties.title,
    properties.description,
    properties.kind,
    nullif(properties.object, '') as object,
    properties.object_module,
    nullif(properties.file, '') as static_file,
    properties.formats,
    coalesce(properties.has_row_sums, false) as has_row_sums,
    coalesce(properties.has_column_sums, false) as has_column_sums,
    coalesce(properties.is_cached, false) as is_cached,
    coalesce(properties.is_on_dashboard, false) as is_on_dashboard,
    coalesce(properties.is_valid, false) as is_valid,
    nullif(properties.time_zone, '') as time_zone,
    groups.names as permitted_groups,
    agents.agent_login as created_by,
    properties.created,
    properties.changed,
    everything.was_imported and properties.created_by_agent_id = 1 as is_probably_shipped,
    everything.all_values
from everything
left join properties on everything.report_id = properties.report_id
left join groups on everything.report_id = groups.report_id
left join {{ ref("stg_otrs__agents") }} as agents on properties.created_by_agent_id = agents.agent_id
