-- One row per salutation, with the queues that use it.
with
    queues as (

        select salutation_id, string_agg(queue_name, ', ' order by queue_name) as queues
        from {{ ref("stg_otrs__queues") }}
        group by salutation_id

    )

select
    texts.salutation_id,
    texts.salutation_name,
    {{ template_text("texts.salutation_text", "texts.content_type") }} as body_text,
    texts.salutation_text as body,
    texts.content_type,
    queues.queues,
    texts.remark,
    texts.is_valid,
    texts.created_at,
    texts.changed_at
from {{ ref("stg_otrs__salutations") }} as texts
left join queues on texts.salutation_id = queues.salutation_id
