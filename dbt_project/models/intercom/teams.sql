with
    queues as (select * from {{ ref("stg_otrs__queues") }}),

    decisions as (select * from {{ ref("queues") }}),

    teams as (

        select lower(trim(team_name)) as team_name, min(team_id) as team_id
        from {{ ref("stg_intercom__teams") }}
        group by all

    )

select
    queues.queue_id as otrs_queue_id,
    queues.queue_name as otrs_queue,
    decisions.team_name,
    decisions.decision,
    teams.team_id
from queues
left join decisions on queues.queue_id = decisions.otrs_queue_id
left join teams on lower(trim(decisions.team_name)) = teams.team_name
