-- One row per text template of agents, with the queues that offer it and the files that come with it.
with
    queues as (

        select
            links.standard_template_id,
            count(*) as queue_count,
            string_agg(
                coalesce(queues.queue_name, 'queue ' || links.queue_id), ', ' order by queues.queue_name
            ) as queues
        from {{ ref("stg_otrs__queue_standard_templates") }} as links
        left join {{ ref("stg_otrs__queues") }} as queues on links.queue_id = queues.queue_id
        group by links.standard_template_id

    ),

    files as (

        select
            links.standard_template_id,
            string_agg(
                coalesce(files.standard_attachment_name, 'attachment ' || links.standard_attachment_id),
                ', '
                order by files.standard_attachment_name
            ) as attachments
        from {{ ref("stg_otrs__standard_template_attachments") }} as links
        left join
            {{ ref("stg_otrs__standard_attachments") }} as files
            on links.standard_attachment_id = files.standard_attachment_id
        group by links.standard_template_id

    )

select
    templates.standard_template_id,
    templates.standard_template_name,
    templates.template_type,
    {{ template_text("templates.template_text", "templates.content_type") }} as body_text,
    templates.template_text as body,
    templates.content_type,
    coalesce(queues.queue_count, 0) as queue_count,
    queues.queues,
    files.attachments,
    templates.remark,
    templates.is_valid,
    templates.created_at,
    templates.changed_at
from {{ ref("stg_otrs__standard_templates") }} as templates
left join queues on templates.standard_template_id = queues.standard_template_id
left join files on templates.standard_template_id = files.standard_template_id
