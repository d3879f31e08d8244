-- One row per calendar of working hours: the default one, and those numbered 1 to 9 that somebody
-- changed, named or uses. Which one counts for a ticket: that of its SLA, else that of its queue, else
-- the default.
with
    settings as (select * from {{ ref("int_settings_effective") }}),

    users as (

        -- OTRS takes 0 for none
        select coalesce(nullif(calendar_name, '0'), '') as calendar_name, 'queue' as kind, queue_name as name
        from {{ ref("stg_otrs__queues") }}
        union all
        select coalesce(nullif(calendar_name, '0'), ''), 'SLA', sla_name
        from {{ ref("stg_otrs__slas") }}

    ),

    numbered as (

        select
            regexp_extract(setting_name, '^(?:Time[A-Za-z]+::|TimeZone::)Calendar(\d+)', 1) as calendar,
            bool_or(is_changed) as is_changed
        from settings
        where regexp_matches(setting_name, '^(Time[A-Za-z]+::|TimeZone::)Calendar\d+(Name)?$')
        group by all

    ),

    calendars as (

        select '' as calendar, coalesce(bool_or(is_changed), false) as is_changed
        from settings
        where setting_name in ('TimeWorkingHours', 'TimeVacationDays', 'TimeVacationDaysOneTime')

        union all

        select coalesce(numbered.calendar, used.calendar_name), coalesce(numbered.is_changed, false)
        from
            (
                select * from numbered where is_changed or calendar in (select calendar_name from users)
            ) as numbered
        full join
            (select distinct calendar_name from users where calendar_name != '') as used
            on numbered.calendar = used.calendar_name

    ),

    described as (

        select
            calendars.calendar,
            coalesce(calendars.is_changed, false) as is_changed,
            case when calendars.calendar = '' then 'Default' else names.value end as calendar_name,
            case
                when calendars.calendar = ''
                then (select time_zone from {{ ref("stg_otrs__source_profile") }} limit 1)
                else zones.value
            end as time_zone,
            hours.document as working_hours,
            days.document as vacation_days,
            once.document as vacation_days_of_a_year
        from calendars
        left join
            settings as names on names.setting_name = 'TimeZone::Calendar' || calendars.calendar || 'Name'
        left join settings as zones on zones.setting_name = 'TimeZone::Calendar' || calendars.calendar
        left join
            settings as hours
            on hours.setting_name
            = 'TimeWorkingHours'
            || case when calendars.calendar = '' then '' else '::Calendar' || calendars.calendar end
        left join
            settings as days
            on days.setting_name
            = 'TimeVacationDays'
            || case when calendars.calendar = '' then '' else '::Calendar' || calendars.calendar end
        left join
            settings as once
            on once.setting_name
            = 'TimeVacationDaysOneTime'
            || case when calendars.calendar = '' then '' else '::Calendar' || calendars.calendar end

    ),

    -- hours that follow each other are one span: 8, 9, 10 is 08:00 to 11:00
    single_hours as (

        select
            described.calendar,
            day.key as weekday,
            try_cast(hour.value ->> '$' as integer) as hour,
            try_cast(hour.value ->> '$' as integer) - row_number() over (
                partition by described.calendar, day.key order by try_cast(hour.value ->> '$' as integer)
            ) as span
        from described, json_each(described.working_hours) as day, json_each(day.value) as hour

    ),

    spans as (

        select
            calendar,
            weekday,
            printf('%02d:00–%02d:00', min(hour), max(hour) + 1) as hours,
            min(hour) as starts
        from single_hours
        where hour is not null
        group by calendar, weekday, span

    ),

    weekdays as (

        select
            calendar,
            weekday,
            list_position(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'], weekday) as place,
            string_agg(hours, ', ' order by starts) as hours
        from spans
        group by calendar, weekday

    ),

    weeks as (

        select calendar, string_agg(weekday || ' ' || hours, chr(10) order by place) as hours
        from weekdays
        group by calendar

    ),

    yearly as (

        select
            described.calendar,
            string_agg(
                printf('%02d-%02d ', try_cast(month.key as integer), try_cast(day.key as integer))
                || coalesce(day.value ->> '$', ''),
                chr(10)
                order by try_cast(month.key as integer), try_cast(day.key as integer)
            ) as days
        from described, json_each(described.vacation_days) as month, json_each(month.value) as day
        group by described.calendar

    ),

    single_days as (

        select
            described.calendar,
            string_agg(
                printf(
                    '%04d-%02d-%02d ',
                    try_cast(year.key as integer),
                    try_cast(month.key as integer),
                    try_cast(day.key as integer)
                )
                || coalesce(day.value ->> '$', ''),
                chr(10)
                order by
                    try_cast(year.key as integer),
                    try_cast(month.key as integer),
                    try_cast(day.key as integer)
            ) as days
        from
            described,
            json_each(described.vacation_days_of_a_year) as year,
            json_each(year.value) as month,
            json_each(month.value) as day
        group by described.calendar

    ),

    uses as (

        select
            calendar_name as calendar,
            string_agg(name, ', ' order by name) filter (kind = 'queue') as queues,
            string_agg(name, ', ' order by name) filter (kind = 'SLA') as slas
        from users
        group by calendar_name

    )

select
    described.calendar,
    described.calendar_name,
    described.time_zone,
    weeks.hours as working_hours_text,
    yearly.days as vacation_days_text,
    single_days.days as vacation_days_of_a_year_text,
    described.working_hours,
    described.vacation_days,
    described.vacation_days_of_a_year,
    uses.queues as used_by_queues,
    uses.slas as used_by_slas,
    described.is_changed,
    case when described.working_hours is null then 'its working hours are not in the database' end as problem
from described
left join weeks on described.calendar = weeks.calendar
left join yearly on described.calendar = yearly.calendar
left join single_days on described.calendar = single_days.calendar
left join uses on described.calendar = uses.calendar
