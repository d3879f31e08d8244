-- One row per process.
with
    steps as (select * from {{ ref("int_process_steps") }}),

    counted as (

        select
            process_entity_id,
            count(distinct activity_entity_id) as activity_count,
            count(transition_entity_id) as transition_count
        from steps
        group by process_entity_id

    ),

    standing as (

        select process_entity_id, count(*) as ticket_count
        from {{ ref("int_tickets_in_processes") }}
        where process_entity_id is not null
        group by process_entity_id

    ),

    described as (

        select
            processes.process_id,
            processes.process_entity_id,
            processes.process_name,
            case
                processes.state_entity_id
                when 'S1'
                then 'active'
                when 'S2'
                then 'inactive'
                when 'S3'
                then 'fade away'
                else processes.state_entity_id
            end as state,
            parsed.document ->> '$.Description' as description,
            nullif(parsed.document ->> '$.StartActivity', '') as start_activity_entity_id,
            activities.process_activity_name as start_activity_name,
            nullif(parsed.document ->> '$.StartActivityDialog', '') as start_dialog_entity_id,
            dialogs.process_activity_dialog_name as start_dialog_name,
            coalesce(counted.activity_count, 0) as activity_count,
            coalesce(counted.transition_count, 0) as transition_count,
            coalesce(standing.ticket_count, 0) as ticket_count,
            parsed.document as config,
            parsed.error,
            processes.created_at,
            processes.changed_at
        from {{ ref("stg_otrs__processes") }} as processes
        left join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'process'
            and processes.process_entity_id = parsed.configuration_id
        left join
            {{ ref("stg_otrs__process_activities") }} as activities
            on parsed.document ->> '$.StartActivity' = activities.process_activity_entity_id
        left join
            {{ ref("stg_otrs__process_activity_dialogs") }} as dialogs
            on parsed.document ->> '$.StartActivityDialog' = dialogs.process_activity_dialog_entity_id
        left join counted on processes.process_entity_id = counted.process_entity_id
        left join standing on processes.process_entity_id = standing.process_entity_id

    )

select
    * exclude (error),
    nullif(
        concat_ws(
            '; ',
            'its configuration cannot be read: ' || error,
            case when start_activity_entity_id is null then 'it has no start' end,
            case
                when start_activity_entity_id is not null and start_activity_name is null
                then 'its first activity does not exist'
            end,
            case
                when start_dialog_entity_id is not null and start_dialog_name is null
                then 'its first dialog does not exist'
            end
        ),
        ''
    ) as problem
from described
