-- One row per dialog of an activity, in its order; dialogs that no activity shows stand here, too,
-- without one.
with
    activities as (

        select
            activities.process_activity_entity_id as activity_entity_id,
            activities.process_activity_name as activity_name,
            parsed.document
        from {{ ref("stg_otrs__process_activities") }} as activities
        inner join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'activity'
            and activities.process_activity_entity_id = parsed.configuration_id

    ),

    shown as (

        select
            activities.activity_entity_id,
            activities.activity_name,
            row_number() over (
                partition by activities.activity_entity_id order by try_cast(entry.key as bigint), entry.key
            ) as position,
            entry.value ->> '$' as dialog_entity_id
        from activities, json_each(activities.document, '$.ActivityDialog') as entry

    ),

    definitions as (

        select
            dialogs.process_activity_dialog_entity_id as dialog_entity_id,
            dialogs.process_activity_dialog_name as dialog_name,
            parsed.document,
            parsed.error
        from {{ ref("stg_otrs__process_activity_dialogs") }} as dialogs
        left join
            {{ ref("int_configurations_parsed") }} as parsed
            on parsed.kind = 'dialog'
            and dialogs.process_activity_dialog_entity_id = parsed.configuration_id

    )

select
    shown.activity_entity_id,
    shown.activity_name,
    shown.position,
    coalesce(shown.dialog_entity_id, definitions.dialog_entity_id) as dialog_entity_id,
    definitions.dialog_name,
    nullif(definitions.document ->> '$.DescriptionShort', '') as short_description,
    nullif(definitions.document ->> '$.DescriptionLong', '') as long_description,
    nullif(
        array_to_string(
            list_transform(
                from_json(definitions.document -> '$.Interface', '["VARCHAR"]'),
                lambda name: case
                    name
                    when 'AgentInterface'
                    then 'agents'
                    when 'CustomerInterface'
                    then 'customers'
                    else name
                end
            ),
            ', '
        ),
        ''
    ) as shown_to,
    nullif(definitions.document ->> '$.Permission', '') as required_permission,
    coalesce(definitions.document ->> '$.RequiredLock' = '1', false) as is_lock_required,
    nullif(definitions.document ->> '$.SubmitAdviceText', '') as submit_advice,
    nullif(definitions.document ->> '$.SubmitButtonText', '') as submit_button,
    coalesce(json_array_length(definitions.document, '$.FieldOrder'), 0) as field_count,
    definitions.document as config,
    nullif(
        concat_ws(
            '; ',
            'its configuration cannot be read: ' || definitions.error,
            case when definitions.dialog_entity_id is null then 'it does not exist' end,
            case when shown.activity_entity_id is null then 'no activity shows it' end
        ),
        ''
    ) as problem
from shown
full join definitions on shown.dialog_entity_id = definitions.dialog_entity_id
