-- What kind of part an article becomes, and who says it.
-- Visible words of the customer are a contact's comment, visible words of an agent a teammate's comment; all
-- else is a note. Whoever cannot speak in Intercom as himself is named in the text.
with
    articles as (select * from {{ ref("int_articles_unified") }}),

    tickets as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    contacts as (select * from {{ ref("int_article_contacts_resolved") }}),

    agents as (select * from {{ ref("int_agents_mapped") }})

select
    articles.article_id,
    articles.ticket_id,
    articles.sender_type,
    articles.channel,
    articles.is_visible_for_customer,
    case
        when articles.sender_type = 'customer' and articles.is_visible_for_customer
        then 'contact_comment'
        when articles.sender_type = 'agent' and articles.is_visible_for_customer
        then 'admin_comment'
        else 'admin_note'
    end as part_type,
    case
        when articles.sender_type = 'customer' and articles.is_visible_for_customer
        then contacts.contact_key
        else coalesce(agents.agent_key, 'otrs:agent:' || coalesce(articles.created_by_agent_id, 1))
    end as author_key,
    contacts.contact_key,
    coalesce(agents.admin_id, (select max(admin_id) from {{ ref("stg_intercom__me") }})) as admin_id,
    case
        when articles.sender_type = 'customer' and articles.is_visible_for_customer
        then null
        when articles.sender_type = 'customer'
        then 'Customer: ' || coalesce(nullif(trim(articles.from_header), ''), 'unknown')
        when articles.sender_type = 'system'
        then 'System: ' || coalesce(nullif(trim(articles.from_header), ''), 'OTRS')
        when coalesce(agents.is_fallback, true)
        then
            'Agent: ' || coalesce(
                case when agents.agent_id != 1 then agents.agent_name end,
                nullif(trim(articles.from_header), ''),
                agents.agent_name,
                'unknown'
            )
    end as named_author
from articles
semi join tickets on articles.ticket_id = tickets.ticket_id
left join contacts on articles.article_id = contacts.article_id
left join agents on articles.created_by_agent_id = agents.agent_id
