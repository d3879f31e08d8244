-- One row per activity of a process; activities that no process uses stand here, too, without one.
with recursive
    steps as (select * from {{ ref("int_process_steps") }}),

    processes as (select * from {{ ref("processes") }}),

    standing as (

        select process_entity_id, activity_entity_id, count(*) as ticket_count
        from {{ ref("int_tickets_in_processes") }}
        where activity_entity_id is not null
        group by process_entity_id, activity_entity_id

    ),

    reached as (

        select process_entity_id, start_activity_entity_id as activity_entity_id
        from processes
        where start_activity_entity_id is not null

        union

        select steps.process_entity_id, steps.to_activity_entity_id
        from reached
        inner join
            steps
            on reached.process_entity_id = steps.process_entity_id
            and reached.activity_entity_id = steps.activity_entity_id
        where steps.to_activity_entity_id is not null

    ),

    laid_out as (

        select process_entity_id, activity_entity_id, count(transition_entity_id) as ways_out
        from steps
        group by process_entity_id, activity_entity_id

    ),

    named as (

        select process_entity_id, activity_entity_id
        from laid_out
        union
        select process_entity_id, activity_entity_id
        from reached
        union
        select process_entity_id, to_activity_entity_id
        from steps
        where to_activity_entity_id is not null
        union
        select process_entity_id, activity_entity_id
        from standing

    ),

    definitions as (

        select
            activities.process_activity_entity_id as activity_entity_id,
            activities.process_activity_name as activity_name,
            parsed.document as config,
            parsed.error
        from {{ ref("stg_otrs__process_activities") }} as activities
        left join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'activity'
            and activities.process_activity_entity_id = parsed.configuration_id

    ),

    described as (

        select
            named.process_entity_id,
            processes.process_name,
            coalesce(named.activity_entity_id, definitions.activity_entity_id) as activity_entity_id,
            definitions.activity_name,
            coalesce(named.activity_entity_id = processes.start_activity_entity_id, false) as is_start,
            named.process_entity_id is not null and coalesce(laid_out.ways_out, 0) = 0 as is_end,
            reached.activity_entity_id is not null as is_reachable,
            definitions.activity_entity_id is not null as is_defined,
            coalesce(standing.ticket_count, 0) as ticket_count,
            definitions.config,
            definitions.error
        from named
        full join definitions on named.activity_entity_id = definitions.activity_entity_id
        left join processes on named.process_entity_id = processes.process_entity_id
        left join
            laid_out
            on named.process_entity_id = laid_out.process_entity_id
            and named.activity_entity_id = laid_out.activity_entity_id
        left join
            reached
            on named.process_entity_id = reached.process_entity_id
            and named.activity_entity_id = reached.activity_entity_id
        left join
            standing
            on named.process_entity_id is not distinct from standing.process_entity_id
            and named.activity_entity_id = standing.activity_entity_id

    )

select
    * exclude (error),
    nullif(
        concat_ws(
            '; ',
            'its configuration cannot be read: ' || error,
            case when not is_defined then 'it does not exist' end,
            case when process_entity_id is null then 'no process uses it' end,
            case
                when process_entity_id is not null and process_name is null then 'its process does not exist'
            end,
            case
                when process_name is not null and not is_reachable then 'no way leads to it from the start'
            end
        ),
        ''
    ) as problem
from described
