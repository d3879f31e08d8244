-- The value in force of each setting that something here goes by: the last change for all agents that is
-- switched on and was not set back, else the shipped one. Up to OTRS 5 the database holds no settings.
with
    parsed as (select * from {{ ref("int_configurations_parsed") }}),

    defaults as (

        select settings.setting_name, parsed.document
        from {{ ref("stg_otrs__setting_defaults") }} as settings
        inner join
            parsed
            on parsed.kind = 'setting_default'
            and settings.setting_id::varchar = parsed.configuration_id

    ),

    changes as (

        select settings.setting_name, parsed.document
        from {{ ref("stg_otrs__setting_changes") }} as settings
        inner join
            parsed
            on parsed.kind = 'setting_change'
            and settings.setting_change_id::varchar = parsed.configuration_id
        where settings.agent_id is null and settings.is_enabled and settings.is_reset is not true
        qualify
            row_number() over (partition by settings.setting_name order by settings.setting_change_id desc)
            = 1

    )

select
    coalesce(changes.setting_name, defaults.setting_name) as setting_name,
    coalesce(changes.document, defaults.document) as document,
    coalesce(changes.document, defaults.document) ->> '$' as value,
    changes.setting_name is not null as is_changed
from defaults
full join changes on defaults.setting_name = changes.setting_name
