-- Configurations that OTRS keeps as YAML, as JSON: every scalar is a text, as OTRS wrote it.
with
    configurations as (

        select 'process' as kind, process_entity_id as configuration_id, config as text
        from {{ ref("stg_otrs__processes") }}

        union all

        select 'activity', process_activity_entity_id, config
        from {{ ref("stg_otrs__process_activities") }}

        union all

        select 'dialog', process_activity_dialog_entity_id, config
        from {{ ref("stg_otrs__process_activity_dialogs") }}

        union all

        select 'transition', process_transition_entity_id, config
        from {{ ref("stg_otrs__process_transitions") }}

        union all

        select 'transition_action', process_transition_action_entity_id, config
        from {{ ref("stg_otrs__process_transition_actions") }}

        union all

        select 'config_item_definition', config_item_definition_id::varchar, definition
        from {{ ref("stg_otrs__config_item_definitions") }}

        union all

        select 'setting_change', setting_change_id::varchar, effective_value
        from {{ ref("stg_otrs__setting_changes") }}

        union all

        -- of the many defaults only those that something was changed of, or that say how OTRS reckons
        select 'setting_default', setting_id::varchar, effective_value
        from {{ ref("stg_otrs__setting_defaults") }}
        where
            setting_name like 'Time%'
            or setting_name like 'Process::DynamicField%'
            or setting_name in (select setting_name from {{ ref("stg_otrs__setting_changes") }})

    ),

    parsed as (select kind, configuration_id, text, yaml_json(text) as answer from configurations)

select
    kind,
    configuration_id,
    case when json_valid(answer.value) then answer.value::json end as document,
    case
        when answer.error is not null
        then answer.error
        when text is not null and trim(text) != '' and not coalesce(json_valid(answer.value), false)
        then 'not YAML'
    end as error
from parsed
