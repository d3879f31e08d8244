with
    source as (select * from {{ source("raw_otrs", "calendar_appointment") }}),

    renamed as (

        select
            -- ids
            id as calendar_appointment_id,
            parent_id as parent_appointment_id,
            calendar_id,
            unique_id,
            team_id as team_ids,
            resource_id as resource_ids,
            ticket_appointment_rule_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            title,
            description,
            location,
            notify_template as reminder_template,
            notify_custom as reminder_kind,
            notify_custom_unit as reminder_unit,
            notify_custom_unit_point as reminder_unit_point,
            recur_type as recurrence_type,
            recur_freq as recurrence_days,
            recur_exclude as recurrence_exclusions,

            -- numbers
            notify_custom_unit_count as reminder_unit_count,
            recur_count as recurrence_count,
            recur_interval as recurrence_interval,

            -- booleans
            all_day = 1 as is_all_day,
            recurring = 1 as is_recurring,

            -- days of what takes the whole day; the last one does not belong to it
            case when all_day = 1 then start_time::date end as starts_on,
            case when all_day = 1 then end_time::date end as ends_on,

            -- timestamps, UTC
            {{ to_utc("start_time") }} as starts_at,
            {{ to_utc("end_time") }} as ends_at,
            {{ to_utc("notify_time") }} as reminder_at,
            {{ to_utc("notify_custom_date") }} as custom_reminder_at,
            {{ to_utc("recur_until") }} as recurs_until,
            {{ to_utc("recur_id") }} as recurrence_at,
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
