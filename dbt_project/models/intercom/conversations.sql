-- One conversation per ticket, and a continuation for each further budget of parts.
with
    tickets as (select * from {{ ref("stg_otrs__tickets") }}),

    decided as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    contacts as (select ticket_id, contact_key from {{ ref("int_ticket_contacts_resolved") }}),

    people as (select contact_key, external_id from {{ ref("contacts") }}),

    -- A continuation that was made stays, also when all its articles were deleted in OTRS since.
    settled_chunks as (

        select settled.ticket_id, settled.chunk
        from {{ ref("int_parts_settled") }} as settled
        semi join decided on settled.ticket_id = decided.ticket_id
        where settled.is_opening and settled.chunk > 1

    ),

    chunks as (

        select
            ticket_id,
            chunk,
            min(ticket_position) as first_position,
            max(case when is_opening then article_id end) as opening_article_id,
            coalesce(bool_or(is_opening and is_superseded), false) as is_opening_superseded
        from
            (
                select ticket_id, chunk, ticket_position, article_id, is_opening, is_superseded
                from {{ ref("int_parts_placed") }}
                union all by name
                select *
                from settled_chunks
            )
        group by ticket_id, chunk

    ),

    first_parts as (

        select chunks.*, parts.article_id, articles.created_at as article_created_at
        from chunks
        left join
            {{ ref("int_parts_placed") }} as parts
            on chunks.ticket_id = parts.ticket_id
            and chunks.first_position = parts.ticket_position
        left join {{ ref("int_articles_unified") }} as articles on parts.article_id = articles.article_id

    ),

    rendered as (select article_id, body from {{ ref("int_articles_rendered") }} where piece = 0),

    companies as (select company_key, company_id from {{ ref("companies") }}),

    -- The ticket's CustomerID is free text: it names a company in whatever case. Where two companies
    -- differ only by case, the one written exactly so is meant.
    ticket_companies as (

        select tickets.ticket_id, companies.company_key
        from tickets
        inner join companies on lower(trim(tickets.customer_id)) = lower(trim(companies.company_id))
        qualify
            row_number() over (
                partition by tickets.ticket_id
                order by tickets.customer_id = companies.company_id desc, companies.company_key
            )
            = 1

    ),

    agents as (select * from {{ ref("int_agents_mapped") }}),

    teams as (select otrs_queue_id, team_id from {{ ref("teams") }}),

    queues as (select queue_id, queue_name from {{ ref("stg_otrs__queues") }})

select
    -- ids
    decided.ticket_key
    || case when first_parts.chunk > 1 then ':' || first_parts.chunk else '' end as conversation_key,
    tickets.ticket_id as otrs_ticket_id,
    tickets.ticket_number as otrs_ticket_number,
    first_parts.opening_article_id as otrs_opening_article_id,
    contacts.contact_key,
    people.external_id as contact_external_id,
    ticket_companies.company_key,
    first_parts.chunk,

    -- text
    coalesce(nullif(trim(tickets.title), ''), 'OTRS ticket ' || tickets.ticket_number)
    || case when first_parts.chunk > 1 then ' (' || first_parts.chunk || ')' else '' end as title,
    case
        when first_parts.is_opening_superseded and first_parts.opening_article_id is not null
        then '(edited in OTRS since; the present text follows)'
        when rendered.body is not null
        then rendered.body
        when first_parts.chunk > 1
        then 'Continuation ' || first_parts.chunk || ' of OTRS ticket ' || tickets.ticket_number
        -- without the title, which can change after this was sent
        else 'Imported from OTRS ticket ' || tickets.ticket_number
    end as body,

    -- state and assignment
    decided.state,
    case when decided.state = 'snoozed' then decided.pending_until end as snoozed_until,
    queues.queue_name as otrs_queue,
    teams.team_id,
    agents.agent_login as otrs_owner,
    case when agents.agent_id != 1 then agents.admin_id end as teammate_admin_id,

    -- timestamps, UTC
    case
        when rendered.body is not null or first_parts.chunk > 1
        then coalesce(first_parts.article_created_at, tickets.created_at)
        else tickets.created_at
    end as created_at,
    tickets.created_at as otrs_created_at
from decided
inner join tickets on decided.ticket_id = tickets.ticket_id
inner join first_parts on decided.ticket_id = first_parts.ticket_id
left join contacts on decided.ticket_id = contacts.ticket_id
left join people on contacts.contact_key = people.contact_key
left join ticket_companies on decided.ticket_id = ticket_companies.ticket_id
left join rendered on first_parts.opening_article_id = rendered.article_id
left join agents on tickets.owner_agent_id = agents.agent_id
left join queues on tickets.queue_id = queues.queue_id
left join teams on tickets.queue_id = teams.otrs_queue_id
