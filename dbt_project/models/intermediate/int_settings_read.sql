-- The few settings of OTRS that the plan needs, as they are in force: names of the working-time calendars,
-- and
-- how the two dynamic fields are called that hold a ticket's process. OTRS 5 keeps its settings in files.
with
    defaults as (select * from {{ ref("stg_otrs__setting_defaults") }}),

    -- Rows of one agent are his own, rows that are switched off say nothing.
    changes as (

        select setting_name, effective_value
        from {{ ref("stg_otrs__setting_changes") }}
        where agent_id is null and is_enabled and is_reset is not true
        qualify row_number() over (partition by setting_name order by setting_change_id desc) = 1

    ),

    parsed as (

        select
            defaults.setting_name,
            changes.setting_name is not null as is_changed,
            yaml_json(coalesce(changes.effective_value, defaults.effective_value)) as yaml
        from defaults
        left join changes on defaults.setting_name = changes.setting_name
        where
            regexp_full_match(defaults.setting_name, 'TimeZone::Calendar[0-9]+Name')
            or defaults.setting_name in (
                'Process::DynamicFieldProcessManagementProcessID',
                'Process::DynamicFieldProcessManagementActivityID'
            )

    )

select setting_name, try_cast(yaml.value as json) ->> '$' as value, is_changed, yaml.error
from parsed
