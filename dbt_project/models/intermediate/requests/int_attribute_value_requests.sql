-- Title, company and attributes of each conversation: adjacent, so that they travel as one PUT.
with
    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    title_requests as (

        select
            lane || '/title' as slot,
            {{ content_hash(["title"]) }} as content_hash,
            10000000::bigint as position,
            json_object('title', title) as payload,
            lane,
            conversation_path,
            otrs_ticket_id
        from conversations

    ),

    company_link_requests as (

        select
            lane || '/company' as slot,
            {{ content_hash(["company_key"]) }} as content_hash,
            10000001::bigint as position,
            json_object('company_id', json_object('$ref', 'company/' || company_key)) as payload,
            lane,
            conversation_path,
            otrs_ticket_id
        from conversations
        where company_key is not null

    ),

    attribute_value_requests as (

        select
            conversations.lane || '/attribute/' || attributes.name as slot,
            {{ content_hash(["attributes.otrs_value"]) }} as content_hash,
            10000001
            + row_number() over (partition by conversations.lane order by attributes.name) as position,
            json_object('custom_attributes', json_object(attributes.name, attributes.value)) as payload,
            conversations.lane,
            conversations.conversation_path,
            conversations.otrs_ticket_id
        from {{ ref("conversation_attributes") }} as attributes
        inner join conversations on attributes.conversation_key = conversations.conversation_key

    ),

    update_requests as (

        select
            slot,
            content_hash,
            5 as phase,
            lane,
            position,
            'conversation.attribute' as kind,
            'PUT' as method,
            conversation_path as path,
            payload,
            null::json as on_conflict_payload,
            null as creates,
            'report' as on_absent,
            'ticket' as source_table,
            otrs_ticket_id::varchar as source_id
        from
            (
                select *
                from title_requests
                union all by name
                select *
                from company_link_requests
                union all by name
                select *
                from attribute_value_requests
            )

    )

select *
from update_requests
