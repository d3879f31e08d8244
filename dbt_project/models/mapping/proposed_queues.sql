-- Proposal for the mapping `queues`: the team with the queue's full name, else no team.
with
    queues as (select * from {{ ref("stg_otrs__queues") }}),

    teams as (

        select lower(trim(team_name)) as lower_name, min(team_name) as team_name
        from {{ ref("stg_intercom__teams") }}
        group by all

    )

select
    queues.queue_id as otrs_queue_id,
    queues.queue_name as otrs_queue,
    teams.team_name,
    case when teams.team_name is not null then 'proposed' else 'requires_admin_decision' end as decision,
    case
        when teams.team_name is not null
        then 'a team has this name'
        else 'no team has this name: create it, name another, or confirm that there is none'
    end as reason
from queues
left join teams on lower(trim(queues.queue_name)) = teams.lower_name
