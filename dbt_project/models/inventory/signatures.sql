-- One row per signature, with the queues that use it.
with
    queues as (

        select signature_id, string_agg(queue_name, ', ' order by queue_name) as queues
        from {{ ref("stg_otrs__queues") }}
        group by signature_id

    )

select
    texts.signature_id,
    texts.signature_name,
    {{ template_text("texts.signature_text", "texts.content_type") }} as body_text,
    texts.signature_text as body,
    texts.content_type,
    queues.queues,
    texts.remark,
    texts.is_valid,
    texts.created_at,
    texts.changed_at
from {{ ref("stg_otrs__signatures") }} as texts
left join queues on texts.signature_id = queues.signature_id
