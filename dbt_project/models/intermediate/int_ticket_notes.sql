-- One note at the end of a conversation with what has no other place: values longer than an attribute may be,
-- values of fields that go into a note, values that the decided type cannot hold, and whom a message that the
-- customer can see went to in secret.
with
    tickets as (

        select tickets.ticket_id, tickets.created_at
        from {{ ref("stg_otrs__tickets") }} as tickets
        semi join
            (select ticket_id from {{ ref("int_tickets_decided") }} where is_loaded) as loaded
            on tickets.ticket_id = loaded.ticket_id

    ),

    articles as (select * from {{ ref("stg_otrs__articles") }}),

    field_values as (select * from {{ ref("int_dynamic_field_values_decided") }}),

    fields_of_tickets as (

        select
            object_id as ticket_id,
            2 as rank,
            dynamic_field_id,
            any_value(field_label) as heading,
            string_agg(display_value, chr(10) order by value_position) as text,
            to_json(list(otrs_value order by value_position))::varchar as otrs_value
        from field_values
        where object_type = 'Ticket' and (target = 'note' or (target = 'attribute' and value is null))
        group by object_id, dynamic_field_id

    ),

    fields_of_articles as (

        select
            articles.ticket_id,
            3 as rank,
            articles.article_id * 100000 + field_values.dynamic_field_id as dynamic_field_id,
            any_value(field_values.field_label)
            || ' (article '
            || any_value(articles.article_id)
            || ', '
            || strftime(any_value(articles.created_at), '%Y-%m-%d %H:%M')
            || ' UTC)' as heading,
            string_agg(field_values.display_value, chr(10) order by field_values.value_position) as text,
            to_json(list(field_values.otrs_value order by field_values.value_position))::varchar as otrs_value
        from field_values
        inner join articles on field_values.object_id = articles.article_id
        where field_values.object_type = 'Article' and field_values.target in ('note', 'attribute')
        group by articles.ticket_id, articles.article_id, field_values.dynamic_field_id

    ),

    lines as (

        select ticket_id, 0 as rank, 0 as dynamic_field_id, name as heading, full_text as text, otrs_value
        from {{ ref("int_ticket_attribute_values") }}
        where is_cut

        union all

        select ticket_id, 1, 0, name, full_text, otrs_value
        from {{ ref("int_ticket_link_values") }}
        where is_cut

        union all

        select *
        from fields_of_tickets

        union all

        select *
        from fields_of_articles

        union all

        -- in a message that the customer can see it would tell him what OTRS did not
        select
            ticket_id,
            4,
            article_id,
            'Bcc (article ' || article_id || ', ' || strftime(created_at, '%Y-%m-%d %H:%M') || ' UTC)',
            bcc_header,
            bcc_header
        from {{ ref("int_articles_unified") }}
        where is_visible_for_customer and trim(bcc_header) != ''

    ),

    last_articles as (select ticket_id, max(created_at) as created_at from articles group by ticket_id)

select
    lines.ticket_id,
    'otrs:ticket:' || lines.ticket_id || ':values' as note_key,
    '<p><b>From OTRS, beside the attributes</b></p>' || string_agg(
        '<p><b>'
        || {{ escape_html("lines.heading") }}
        || '</b><br>'
        || replace({{ escape_html("lines.text") }}, chr(10), '<br>')
        || '</p>',
        ''
        order by lines.rank, lines.dynamic_field_id, lines.heading
    ) as body,
    md5(
        to_json(
            list([lines.heading, lines.otrs_value] order by lines.rank, lines.dynamic_field_id, lines.heading)
        )::varchar
    ) as content_hash,
    -- at the end, and never before the ticket
    greatest(any_value(tickets.created_at), any_value(last_articles.created_at)) as created_at
from lines
inner join tickets on lines.ticket_id = tickets.ticket_id
left join last_articles on lines.ticket_id = last_articles.ticket_id
group by lines.ticket_id
