-- When a ticket was first answered and when it was closed; OTRS stores neither.
with
    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    states as (

        select states.ticket_state_id, types.ticket_state_type_name = 'closed' as is_closed
        from {{ ref("stg_otrs__ticket_states") }} as states
        left join
            {{ ref("stg_otrs__ticket_state_types") }} as types
            on states.ticket_state_type_id = types.ticket_state_type_id

    ),

    articles as (

        select
            articles.article_id,
            articles.ticket_id,
            articles.is_visible_for_customer,
            articles.created_at,
            sender_types.article_sender_type_name as sender_type
        from {{ ref("stg_otrs__articles") }} as articles
        left join
            {{ ref("stg_otrs__article_sender_types") }} as sender_types
            on articles.article_sender_type_id = sender_types.article_sender_type_id

    ),

    -- What waits for an answer: the first article; of a ticket that an agent opened, the customer's first
    -- one.
    questions as (

        select
            ticket_id,
            case
                when arg_min(sender_type, article_id) = 'agent'
                then min(article_id) filter (where sender_type = 'customer')
                else min(article_id)
            end as article_id
        from articles
        group by ticket_id

    ),

    responses as (

        select questions.ticket_id, arg_min(articles.created_at, articles.article_id) as first_response_at
        from questions
        inner join
            articles
            on questions.ticket_id = articles.ticket_id
            and articles.article_id > questions.article_id
        where articles.sender_type = 'agent' and articles.is_visible_for_customer
        group by questions.ticket_id

    ),

    -- Each row of the history says the state that the ticket was in. Rows about an article came along with it
    -- when another ticket was merged into this one, and say that ticket's.
    history as (

        select
            history.ticket_id,
            history.ticket_history_id,
            history.created_at,
            coalesce(states.is_closed, false) as is_closed,
            lag(coalesce(states.is_closed, false), 1, false) over (
                partition by history.ticket_id order by history.ticket_history_id
            ) as was_closed
        from {{ ref("stg_otrs__ticket_history") }} as history
        left join states on history.ticket_state_id = states.ticket_state_id
        where history.article_id is null

    ),

    closings as (

        select ticket_id, arg_max(created_at, ticket_history_id) as closed_at
        from history
        where is_closed and not was_closed
        group by ticket_id

    )

select
    tickets.ticket_id,
    responses.first_response_at,
    case when states.is_closed then closings.closed_at end as closed_at
from tickets
left join states on tickets.ticket_state_id = states.ticket_state_id
left join responses on tickets.ticket_id = responses.ticket_id
left join closings on tickets.ticket_id = closings.ticket_id
