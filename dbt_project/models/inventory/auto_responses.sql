-- One row per automatic response, with the queues that send it.
with
    queues as (

        select
            links.auto_response_id,
            count(*) as queue_count,
            string_agg(
                coalesce(queues.queue_name, 'queue ' || links.queue_id), ', ' order by queues.queue_name
            ) as queues
        from {{ ref("stg_otrs__queue_auto_responses") }} as links
        left join {{ ref("stg_otrs__queues") }} as queues on links.queue_id = queues.queue_id
        group by links.auto_response_id

    )

select
    responses.auto_response_id,
    responses.auto_response_name,
    types.auto_response_type_name as type,
    responses.subject,
    {{ template_text("responses.body", "responses.content_type") }} as body_text,
    responses.body,
    responses.content_type,
    addresses.email as sender_email,
    addresses.display_name as sender_name,
    coalesce(queues.queue_count, 0) as queue_count,
    queues.queues,
    responses.remark,
    responses.is_valid,
    responses.created_at,
    responses.changed_at
from {{ ref("stg_otrs__auto_responses") }} as responses
left join
    {{ ref("stg_otrs__auto_response_types") }} as types
    on responses.auto_response_type_id = types.auto_response_type_id
left join
    {{ ref("stg_otrs__system_addresses") }} as addresses
    on responses.system_address_id = addresses.system_address_id
left join queues on responses.auto_response_id = queues.auto_response_id
