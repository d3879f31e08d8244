-- What the load cannot put right by itself, since what was sent cannot be taken back: a person has to look.
with
    settled as (select * from {{ ref("int_parts_settled") }}),

    conversations as (select conversation_key from {{ ref("conversations") }}),

    parts as (select * from {{ ref("conversation_parts") }}),

    tickets as (select ticket_id, ticket_number, is_loaded from {{ ref("int_tickets_decided") }}),

    articles as (select article_id, ticket_id, is_visible_for_customer from {{ ref("stg_otrs__articles") }}),

    settled_conversations as (

        select settled.*, regexp_extract(slot, '^conversation/(.+)$', 1) as conversation_key
        from settled
        where is_opening

    ),

    gone_conversations as (

        select
            settled.slot,
            'conversation' as what,
            case
                when tickets.ticket_id is null then 'ticket_deleted' else 'ticket_not_loaded_any_more'
            end as reason,
            case
                when tickets.ticket_id is null
                then 'Ticket ' || settled.ticket_id || ' was deleted in OTRS after its conversation was made'
                else
                    'OTRS ticket '
                    || tickets.ticket_number
                    || ' was removed, or its state decided not to be loaded, after its conversation was made'
            end
            || ': delete the conversation in Intercom, or keep it on purpose.' as sentence
        from settled_conversations as settled
        left join tickets on settled.ticket_id = tickets.ticket_id
        left join conversations on settled.conversation_key = conversations.conversation_key
        where conversations.conversation_key is null

    ),

    -- In conversations that stay; what began one stands in the plan as a header.
    gone_parts as (

        select
            settled.slot,
            case when settled.article_id is null then 'note' else 'article' end as what,
            case
                when settled.article_id is null
                then 'note_not_needed_any_more'
                when articles.article_id is null
                then 'article_deleted'
                else 'article_placed_elsewhere'
            end as reason,
            case
                when settled.article_id is null
                then 'The value that this note holds is not in OTRS any more'
                when articles.article_id is null
                then 'Article ' || settled.article_id || ' was deleted in OTRS after it was sent'
                else 'Article ' || settled.article_id || ' stands in another conversation, or in none, today'
            end
            || ': Intercom cannot delete a message by its API; redact it by hand if it must not stay.'
            as sentence
        from settled
        inner join tickets on settled.ticket_id = tickets.ticket_id and tickets.is_loaded
        left join articles on settled.article_id = articles.article_id
        left join parts on settled.part_key = parts.part_key and settled.slot = {{ part_slot("parts") }}
        where parts.part_key is null and (not settled.is_opening or settled.article_id is not null)

    ),

    hidden_parts as (

        select
            settled.slot,
            'article' as what,
            'article_hidden' as reason,
            'Article '
            || settled.article_id
            || ' was made internal in OTRS after it was sent where the customer can read it:'
            || ' redact the visible message by hand if it must not stay.' as sentence
        from settled
        inner join articles on settled.article_id = articles.article_id
        inner join tickets on settled.ticket_id = tickets.ticket_id and tickets.is_loaded
        where settled.visibility = 'visible' and not articles.is_visible_for_customer

    )

select slot, what, reason, sentence
from gone_conversations
union all
select slot, what, reason, sentence
from gone_parts
union all
select slot, what, reason, sentence
from hidden_parts
