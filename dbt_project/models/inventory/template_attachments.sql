-- One row per file that templates attach. Its bytes stay in the extract.
with
    templates as (

        select
            links.standard_attachment_id,
            string_agg(
                coalesce(templates.standard_template_name, 'template ' || links.standard_template_id),
                ', '
                order by templates.standard_template_name
            ) as templates
        from {{ ref("stg_otrs__standard_template_attachments") }} as links
        left join
            {{ ref("stg_otrs__standard_templates") }} as templates
            on links.standard_template_id = templates.standard_template_id
        group by links.standard_attachment_id

    )

select
    files.standard_attachment_id,
    files.standard_attachment_name,
    files.filename as file_name,
    files.content_type,
    octet_length(files.content) as size,
    case when files.content is not null then sha256(files.content) end as sha256,
    templates.templates,
    files.remark,
    files.is_valid,
    files.created_at,
    files.changed_at
from {{ ref("stg_otrs__standard_attachments") }} as files
left join templates on files.standard_attachment_id = templates.standard_attachment_id
