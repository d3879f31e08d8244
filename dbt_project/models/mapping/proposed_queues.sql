-- Proposal for the mapping `queues`: the team with the queue's full name, else with its last part, else
-- one of a similar name, else no team.
with
    queues as (select *, string_split(queue_name, '::')[-1] as last_name from {{ ref("stg_otrs__queues") }}),

    teams as (

        select lower(trim(team_name)) as lower_name, min(team_name) as team_name
        from {{ ref("stg_intercom__teams") }}
        group by all

    ),

    used as (select queue_id, count(*) as used from {{ ref("stg_otrs__tickets") }} group by queue_id),

    compared as (

        select
            queues.queue_id,
            teams.team_name,
            case
                when lower(trim(queues.queue_name)) = teams.lower_name
                then 100
                when lower(trim(queues.last_name)) = teams.lower_name
                then 90
                else
                    -- never as good as the name itself
                    least(
                        round(
                            greatest(
                                name_similarity(queues.queue_name, teams.team_name).score,
                                name_similarity(queues.last_name, teams.team_name).score
                            )
                        ),
                        89
                    )
            end::integer as score
        from queues
        cross join teams

    ),

    best as (

        select *
        from compared
        where score >= {{ var("similar_names_score") }}
        qualify row_number() over (partition by queue_id order by score desc, team_name) = 1

    )

select
    queues.queue_id as otrs_queue_id,
    queues.queue_name as otrs_queue,
    best.team_name,
    case when best.score >= 90 then 'proposed' else 'requires_admin_decision' end as decision,
    case
        when best.score = 100
        then 'a team has this name'
        when best.score = 90
        then 'a team has the last part of this name'
        when best.score is not null
        then 'a team has a similar name: the same?'
        else 'no team has this name: create it, name another, or confirm that there is none'
    end as reason,
    coalesce(best.score, 0) as score,
    coalesce(used.used, 0) as used
from queues
left join best on queues.queue_id = best.queue_id
left join used on queues.queue_id = used.queue_id
