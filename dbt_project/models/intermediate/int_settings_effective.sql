-- The value that is in effect for each setting that something here goes by: the last change for all
-- that was not set back, else the shipped one. Nothing about settings stands in the database up to OTRS 5.
with
    parsed as (select * from {{ ref("int_configurations_parsed") }}),

    defaults as (

        select settings.setting_name, settings.is_enabled, parsed.document
        from {{ ref("stg_otrs__setting_defaults") }} as settings
        inner join
            parsed
            on parsed.kind = 'setting_default'
            and settings.setting_id::varchar = parsed.configuration_id

    ),

    changes as (

        select settings.setting_name, settings.is_enabled, settings.is_reset, parsed.document
        from {{ ref("stg_otrs__setting_changes") }} as settings
        inner join
            parsed
            on parsed.kind = 'setting_change'
            and settings.setting_change_id::varchar = parsed.configuration_id
        where settings.agent_id is null
        qualify
            row_number() over (partition by settings.setting_name order by settings.setting_change_id desc)
            = 1

    )

select
    coalesce(changes.setting_name, defaults.setting_name) as setting_name,
    case
        when changes.setting_name is not null and not coalesce(changes.is_reset, false)
        then changes.document
        else defaults.document
    end as document,
    case
        when changes.setting_name is not null and not coalesce(changes.is_reset, false)
        then changes.is_enabled
        else defaults.is_enabled
    end as is_enabled,
    changes.setting_name is not null and not coalesce(changes.is_reset, false) as is_changed
from defaults
full join changes on defaults.setting_name = changes.setting_name
