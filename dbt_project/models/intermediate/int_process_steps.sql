-- Each way from one activity of a process to the next, as the process lays it out. A step without a
-- transition is an
-- activity where the process ends.
with
    processes as (

        select processes.process_entity_id, parsed.document
        from {{ ref("stg_otrs__processes") }} as processes
        inner join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'process'
            and processes.process_entity_id = parsed.configuration_id

    ),

    activities as (

        select processes.process_entity_id, entry.key as activity_entity_id, entry.value as ways
        from processes, json_each(processes.document, '$.Path') as entry

    ),

    steps as (

        select
            activities.process_entity_id,
            activities.activity_entity_id,
            entry.key as transition_entity_id,
            -- processes of OTRS 3 name the next activity itself
            coalesce(
                entry.value ->> '$.ActivityEntityID', entry.value ->> '$.ActivityID'
            ) as to_activity_entity_id,
            case
                when json_type(entry.value, '$.TransitionAction') = 'ARRAY'
                then from_json(entry.value -> '$.TransitionAction', '["VARCHAR"]')
                else []
            end as action_entity_ids
        from activities, json_each(activities.ways) as entry

    )

select
    activities.process_entity_id,
    activities.activity_entity_id,
    steps.transition_entity_id,
    steps.to_activity_entity_id,
    coalesce(steps.action_entity_ids, []) as action_entity_ids
from activities
left join
    steps
    on activities.process_entity_id = steps.process_entity_id
    and activities.activity_entity_id = steps.activity_entity_id
