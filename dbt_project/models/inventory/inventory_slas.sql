{{ config(alias="slas") }}

-- Service level agreements as OTRS has them; Intercom's own are set up by hand.
with
    calendars as ({{ calendar_names() }}),

    services as (

        select
            joins.sla_id, string_agg(services.service_name, ', ' order by services.service_name) as services
        from {{ ref("stg_otrs__service_slas") }} as joins
        inner join {{ ref("stg_otrs__services") }} as services on joins.service_id = services.service_id
        group by joins.sla_id

    ),

    tickets as (select sla_id, count(*) as ticket_count from {{ ref("stg_otrs__tickets") }} group by sla_id)

select
    slas.sla_id,
    slas.sla_name,
    slas.is_valid,
    slas.first_response_minutes,
    slas.first_response_warning_percent,
    slas.update_minutes,
    slas.update_warning_percent,
    slas.solution_minutes,
    slas.solution_warning_percent,
    slas.minutes_between_incidents,
    case
        when slas.calendar_name is null
        then 'default'
        else coalesce(calendars.value, 'Calendar ' || slas.calendar_name)
    end as calendar,
    services.services,
    slas.remark,
    coalesce(tickets.ticket_count, 0) as ticket_count,
    case when decisions.target = 'tag' then decisions.tag_name end as tag_name,
    decisions.decision
from {{ ref("stg_otrs__slas") }} as slas
left join calendars on slas.calendar_name = calendars.calendar_number
left join services on slas.sla_id = services.sla_id
left join tickets on slas.sla_id = tickets.sla_id
left join {{ ref("slas") }} as decisions on slas.sla_id = decisions.otrs_sla_id
