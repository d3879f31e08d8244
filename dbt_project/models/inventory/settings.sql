-- One row per change of a setting; what is as shipped is not listed. Values that look like secrets are
-- masked, by the
-- name of the setting or of a part of it.
with
    parsed as (select * from {{ ref("int_configurations_parsed") }}),

    changes as (

        select
            changes.setting_change_id,
            changes.setting_name,
            defaults.navigation,
            agents.agent_login as agent,
            changes.agent_id,
            changes.is_enabled,
            changes.is_reset,
            changes.is_undeployed,
            values_now.document::varchar as value,
            coalesce(
                values_now.error, case when values_now.document is null then 'it has no value' end
            ) as problem,
            values_shipped.document::varchar as default_value,
            changes.created_at,
            changes.changed_at
        from {{ ref("stg_otrs__setting_changes") }} as changes
        left join
            parsed as values_now
            on values_now.kind = 'setting_change'
            and changes.setting_change_id::varchar = values_now.configuration_id
        left join
            {{ ref("stg_otrs__setting_defaults") }} as defaults
            on changes.setting_name = defaults.setting_name
        left join
            parsed as values_shipped
            on values_shipped.kind = 'setting_default'
            and defaults.setting_id::varchar = values_shipped.configuration_id
        left join {{ ref("stg_otrs__agents") }} as agents on changes.agent_id = agents.agent_id

    ),

    judged as (

        select
            *,
            regexp_matches(setting_name, '{{ secret_names() }}', 'i')
            or regexp_matches(value, '"[^"]*(?:{{ secret_names() }})[^"]*"\s*:\s*[\[{]', 'i') as is_secret
        from changes

    )

select
    setting_change_id,
    setting_name,
    navigation,
    agent_id,
    agent,
    is_enabled,
    is_reset,
    is_undeployed,
    try_cast(case when is_secret then '"***"' else {{ without_secrets("value") }} end as json) as value,
    try_cast(
        case when is_secret then '"***"' else {{ without_secrets("default_value") }} end as json
    ) as default_value,
    coalesce(is_secret or value != {{ without_secrets("value") }}, false) as is_masked,
    problem,
    created_at,
    changed_at
from judged
