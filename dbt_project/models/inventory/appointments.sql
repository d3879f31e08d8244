-- One row per appointment, times in UTC. A recurring one has a row for each time it occurs, which names
-- the first.
select
    appointments.calendar_appointment_id,
    appointments.calendar_id,
    calendars.calendar_name,
    appointments.parent_appointment_id,
    appointments.unique_id,
    appointments.title,
    appointments.description,
    appointments.location,
    appointments.is_all_day,
    appointments.starts_at,
    appointments.ends_at,
    appointments.starts_on,
    appointments.ends_on,
    appointments.is_recurring,
    appointments.recurrence_type,
    appointments.recurrence_days,
    appointments.recurrence_interval,
    appointments.recurrence_count,
    appointments.recurs_until,
    appointments.recurrence_exclusions,
    appointments.reminder_template,
    appointments.reminder_at,
    appointments.team_ids,
    appointments.resource_ids,
    agents.agent_login as created_by,
    appointments.created_at,
    appointments.changed_at,
    case when calendars.calendar_id is null then 'its calendar does not exist' end as problem
from {{ ref("stg_otrs__calendar_appointments") }} as appointments
left join {{ ref("stg_otrs__calendars") }} as calendars on appointments.calendar_id = calendars.calendar_id
left join {{ ref("stg_otrs__agents") }} as agents on appointments.created_by_agent_id = agents.agent_id
