{{ config(materialized="view") }}

-- By what a load of a part can choose conversations. A continuation is chosen with the conversation that it
-- continues, so it says here what that one says.
with
    conversations as (select * from {{ ref("conversations") }}),

    teams as (select otrs_queue, team_name from {{ ref("teams") }}),

    profile as (select max(snapshot_at) as snapshot_at from {{ ref("stg_otrs__source_profile") }})

select
    -- ids
    conversations.conversation_key,
    first_value(conversations.conversation_key) over first_comes_first as first_conversation_key,
    conversations.otrs_ticket_number as number,

    -- text
    teams.team_name,
    conversations.state,

    -- timestamps, UTC
    first_value(conversations.created_at) over first_comes_first as created_at,
    profile.snapshot_at
from conversations
cross join profile
left join teams on conversations.otrs_queue = teams.otrs_queue
window first_comes_first as (partition by conversations.otrs_ticket_id order by conversations.chunk)
