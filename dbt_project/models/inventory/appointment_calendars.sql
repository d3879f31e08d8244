-- One row per calendar of appointments; they have nothing to do with working hours.
with
    appointments as (

        select calendar_id, count(*) as appointment_count
        from {{ ref("stg_otrs__calendar_appointments") }}
        group by calendar_id

    )

select
    calendars.calendar_id,
    calendars.calendar_name,
    groups.group_name,
    calendars.color,
    calendars.ticket_appointments,
    calendars.is_valid,
    coalesce(appointments.appointment_count, 0) as appointment_count,
    agents.agent_login as created_by,
    calendars.created_at,
    calendars.changed_at
from {{ ref("stg_otrs__calendars") }} as calendars
left join {{ ref("stg_otrs__groups") }} as groups on calendars.group_id = groups.group_id
left join {{ ref("stg_otrs__agents") }} as agents on calendars.created_by_agent_id = agents.agent_id
left join appointments on calendars.calendar_id = appointments.calendar_id
