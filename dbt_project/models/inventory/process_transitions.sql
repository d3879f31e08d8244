-- One row per way from one activity of a process to the next; transitions that no process uses stand
-- here, too, without one.
with
    steps as (select * from {{ ref("int_process_steps") }} where transition_entity_id is not null),

    activities as (

        select process_activity_entity_id as activity_entity_id, process_activity_name as activity_name
        from {{ ref("stg_otrs__process_activities") }}

    ),

    definitions as (

        select
            transitions.process_transition_entity_id as transition_entity_id,
            transitions.process_transition_name as transition_name,
            parsed.document,
            parsed.error,
            conditions.linking,
            conditions.sentence
        from {{ ref("stg_otrs__process_transitions") }} as transitions
        left join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'transition'
            and transitions.process_transition_entity_id = parsed.configuration_id
        left join
            {{ ref("int_process_conditions") }} as conditions
            on transitions.process_transition_entity_id = conditions.transition_entity_id

    )

select
    steps.process_entity_id,
    processes.process_name,
    steps.activity_entity_id as from_activity_entity_id,
    origins.activity_name as from_activity_name,
    coalesce(steps.transition_entity_id, definitions.transition_entity_id) as transition_entity_id,
    definitions.transition_name,
    steps.to_activity_entity_id,
    targets.activity_name as to_activity_name,
    definitions.linking as condition_linking,
    definitions.document -> '$.Condition' as conditions,
    definitions.sentence as condition_sentence,
    coalesce(len(steps.action_entity_ids), 0) as action_count,
    definitions.document as config,
    nullif(
        concat_ws(
            '; ',
            'its configuration cannot be read: ' || definitions.error,
            case when definitions.transition_entity_id is null then 'the transition does not exist' end,
            case when steps.process_entity_id is null then 'no process uses it' end,
            case
                when steps.process_entity_id is not null and origins.activity_entity_id is null
                then 'the activity it starts from does not exist'
            end,
            case
                when steps.process_entity_id is not null and steps.to_activity_entity_id is null
                then 'it leads nowhere'
            end,
            case
                when steps.to_activity_entity_id is not null and targets.activity_entity_id is null
                then 'the activity it leads to does not exist'
            end
        ),
        ''
    ) as problem
from steps
full join definitions on steps.transition_entity_id = definitions.transition_entity_id
left join {{ ref("processes") }} as processes on steps.process_entity_id = processes.process_entity_id
left join activities as origins on steps.activity_entity_id = origins.activity_entity_id
left join activities as targets on steps.to_activity_entity_id = targets.activity_entity_id
