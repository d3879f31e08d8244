-- Every queue of a loaded ticket has a decision, and a team that is named exists.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select teams.otrs_queue, teams.team_name, teams.decision
from {{ ref("teams") }} as teams
semi join {{ ref("conversations") }} as conversations on teams.otrs_queue = conversations.otrs_queue
where teams.decision is distinct from 'confirmed' or (teams.team_name is not null and teams.team_id is null)
