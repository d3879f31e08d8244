-- Which of an article's own lines (channel, From, To, Cc, Bcc, Subject) say something that the part's author,
-- the conversation's contact or its title do not say already. Those stand in the part's text.
with
    authored as (select * from {{ ref("int_articles_authored") }}),

    articles as (select * from {{ ref("int_articles_unified") }}),

    tickets as (select ticket_id, ticket_number, title from {{ ref("stg_otrs__tickets") }}),

    ticket_contacts as (select ticket_id, contact_key from {{ ref("int_ticket_contacts_resolved") }}),

    agents as (select * from {{ ref("int_agents_mapped") }}),

    system_addresses as (

        select distinct lower(trim(email)) as address from {{ ref("stg_otrs__system_addresses") }}

    ),

    customer_addresses as (

        select distinct address, contact_key
        from {{ ref("int_customer_users_merged") }}
        where has_usable_address

    ),

    queues as (select distinct lower(trim(queue_name)) as queue_name from {{ ref("stg_otrs__queues") }}),

    described as (

        select
            authored.article_id,
            authored.part_type,
            authored.channel,
            authored.named_author,
            case
                when authored.part_type = 'contact_comment' then authored.author_key
            end as author_contact_key,
            ticket_contacts.contact_key as ticket_contact_key,
            lower(trim(agents.email)) as agent_address,
            lower(trim(agents.agent_name)) as agent_name,
            tickets.ticket_number,
            tickets.title,
            articles.from_header,
            articles.to_header,
            articles.cc_header,
            articles.bcc_header,
            articles.subject
        from authored
        inner join articles on authored.article_id = articles.article_id
        left join tickets on authored.ticket_id = tickets.ticket_id
        left join ticket_contacts on authored.ticket_id = ticket_contacts.ticket_id
        left join agents on articles.created_by_agent_id = agents.agent_id

    ),

    -- One row per line of a mail's head. Whom a visible message reached unseen stays unseen by the customer.
    written as (

        select article_id, 'From' as header, from_header as line
        from described
        union all
        select article_id, 'To', to_header
        from described
        union all
        select article_id, 'Cc', cc_header
        from described
        union all
        select article_id, 'Bcc', bcc_header
        from described
        where part_type = 'admin_note'

    ),

    lines as (

        select
            article_id,
            header,
            trim(regexp_replace(line, '\s+', ' ', 'g')) as line,
            trim(regexp_replace(lower(line), '[\s<>"]+', ' ', 'g')) as words,
            list_distinct(
                regexp_extract_all(lower(line), '[^\s<>,;:"''()\[\]]+@[^\s<>,;:"''()\[\]]+')
            ) as addresses
        from written
        where regexp_matches(line, '[^\s<>",;]')

    ),

    addressed as (select article_id, header, unnest(addresses) as address from lines),

    -- Addresses that nothing else of the part says.
    foreign_addresses as (

        select distinct addressed.article_id, addressed.header
        from addressed
        inner join described on addressed.article_id = described.article_id
        anti join system_addresses on addressed.address = system_addresses.address
        left join customer_addresses on addressed.address = customer_addresses.address
        where
            case
                when addressed.header != 'From'
                then
                    coalesce(customer_addresses.contact_key, {{ address_key("addressed.address") }})
                    is distinct from described.ticket_contact_key
                when described.author_contact_key is not null
                then
                    coalesce(customer_addresses.contact_key, {{ address_key("addressed.address") }})
                    != described.author_contact_key
                else addressed.address is distinct from described.agent_address
            end

    ),

    shown as (

        select lines.article_id, lines.header, lines.line
        from lines
        inner join described on lines.article_id = described.article_id
        left join
            foreign_addresses
            on lines.article_id = foreign_addresses.article_id
            and lines.header = foreign_addresses.header
        left join queues on lines.words = queues.queue_name
        where
            case
                when lines.header = 'From' and contains(described.named_author, trim(described.from_header))
                then false
                when len(lines.addresses) > 0
                then foreign_addresses.article_id is not null
                when lines.header = 'From'
                then lines.words is distinct from described.agent_name
                else queues.queue_name is null
            end

    ),

    pivoted as (

        select
            article_id,
            max(line) filter (where header = 'From') as from_shown,
            max(line) filter (where header = 'To') as to_shown,
            max(line) filter (where header = 'Cc') as cc_shown,
            max(line) filter (where header = 'Bcc') as bcc_shown
        from shown
        group by article_id

    ),

    subjects as (

        select
            article_id,
            trim(regexp_replace(subject, '\s+', ' ', 'g')) as line,
            {{ bare_subject("subject", "ticket_number") }} as bare_subject,
            {{ bare_subject("title", "ticket_number") }} as bare_title
        from described

    ),

    -- An automatic answer quotes the beginning of the title and ends it with [...].
    told as (

        select article_id, line as subject_shown
        from subjects
        where
            line != ''
            and bare_subject is distinct from bare_title
            and not coalesce(
                ends_with(bare_subject, '[...]')
                and starts_with(bare_title, trim(replace(bare_subject, '[...]', ''))),
                false
            )

    ),

    chosen as (

        select
            described.article_id,
            -- what a comment and a note are by default needs no word
            case
                when
                    described.channel
                    != case when described.part_type = 'admin_note' then 'Internal' else 'Email' end
                then described.channel
            end as channel_shown,
            pivoted.from_shown,
            pivoted.to_shown,
            pivoted.cc_shown,
            pivoted.bcc_shown,
            told.subject_shown
        from described
        left join pivoted on described.article_id = pivoted.article_id
        left join told on described.article_id = told.article_id

    )

select
    *,
    nullif(
        concat_ws(
            chr(10),
            'Via: ' || channel_shown,
            'From: ' || from_shown,
            'To: ' || to_shown,
            'Cc: ' || cc_shown,
            'Bcc: ' || bcc_shown,
            'Subject: ' || subject_shown
        ),
        ''
    ) as details
from chosen
