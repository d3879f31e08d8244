-- Tags of the conversations: the SLA, and dynamic fields whose values are words from a list. The
-- continuations of a conversation carry them, too.
with
    conversations as (select conversation_key, otrs_ticket_id from {{ ref("conversations") }}),

    names as (select tag_text, tag_name from {{ ref("int_tag_names") }}),

    sla_tags as (

        select tickets.ticket_id, names.tag_name, 'sla' as source
        from {{ ref("stg_otrs__tickets") }} as tickets
        inner join {{ ref("slas") }} as decisions on tickets.sla_id = decisions.otrs_sla_id
        inner join names on decisions.tag_name = names.tag_text
        where decisions.target = 'tag'

    ),

    field_tags as (

        select
            case
                when field_values.object_type = 'Article' then articles.ticket_id else field_values.object_id
            end as ticket_id,
            field_values.tag_name,
            'dynamic_field' as source
        from {{ ref("int_dynamic_field_values_decided") }} as field_values
        left join
            {{ ref("stg_otrs__articles") }} as articles
            on field_values.object_type = 'Article'
            and field_values.object_id = articles.article_id
        where field_values.object_type in ('Ticket', 'Article') and field_values.tag_name is not null

    )

select conversations.conversation_key, united.tag_name, min(united.source) as source
from
    (
        select *
        from sla_tags
        union all
        select *
        from field_tags
    ) as united
inner join conversations on united.ticket_id = conversations.otrs_ticket_id
group by conversations.conversation_key, united.tag_name
