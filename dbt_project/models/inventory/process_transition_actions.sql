-- One row per action of a transition, in the order in which OTRS runs them; actions that no process uses
-- stand here, too, without one.
with
    steps as (

        select
            process_entity_id,
            activity_entity_id,
            transition_entity_id,
            to_activity_entity_id,
            unnest(action_entity_ids) as action_entity_id,
            generate_subscripts(action_entity_ids, 1) as position
        from {{ ref("int_process_steps") }}

    ),

    definitions as (

        select
            actions.process_transition_action_entity_id as action_entity_id,
            actions.process_transition_action_name as action_name,
            parsed.document,
            parsed.error
        from {{ ref("stg_otrs__process_transition_actions") }} as actions
        left join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'transition_action'
            and actions.process_transition_action_entity_id = parsed.configuration_id

    ),

    parameters as (

        select
            definitions.action_entity_id,
            string_agg(
                entry.key || ': ' || coalesce(entry.value ->> '$', ''), chr(10) order by entry.key
            ) as text
        from definitions, json_each(definitions.document, '$.Config') as entry
        where entry.key != ''
        group by definitions.action_entity_id

    )

select
    steps.process_entity_id,
    processes.process_name,
    steps.activity_entity_id as from_activity_entity_id,
    steps.transition_entity_id,
    transitions.process_transition_name as transition_name,
    steps.position,
    coalesce(steps.action_entity_id, definitions.action_entity_id) as action_entity_id,
    definitions.action_name,
    definitions.document ->> '$.Module' as module,
    regexp_extract(definitions.document ->> '$.Module', '([^:]+)$', 1) as module_name,
    definitions.document -> '$.Config' as parameters,
    parameters.text as parameters_text,
    nullif(
        concat_ws(
            '; ',
            'its configuration cannot be read: ' || definitions.error,
            case when definitions.action_entity_id is null then 'it does not exist' end,
            case when steps.process_entity_id is null then 'no process uses it' end
        ),
        ''
    ) as problem
from steps
full join definitions on steps.action_entity_id = definitions.action_entity_id
left join parameters on definitions.action_entity_id = parameters.action_entity_id
left join {{ ref("processes") }} as processes on steps.process_entity_id = processes.process_entity_id
left join
    {{ ref("stg_otrs__process_transitions") }} as transitions
    on steps.transition_entity_id = transitions.process_transition_entity_id
