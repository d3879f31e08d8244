-- Each row of a final table has its request, and each request of that kind its row: none is lost, doubled or
-- invented between the two. What a part says, and where it stands, is `requests_say_what_the_parts_say`.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
{% set pairs = [
    ["companies", "company.upsert", "'company/' || company_key"],
    ["contacts", "contact.upsert", "'contact/' || contact_key"],
    [
        "contact_companies",
        "contact.company",
        "'contact/' || contact_key || '/company/' || company_key",
    ],
    ["conversations", "conversation.create", "'conversation/' || conversation_key"],
    [
        "conversation_tags",
        "conversation.tag",
        "'conversation/' || conversation_key || '/tag/' || tag_name",
    ],
    ["tags", "tag.create", "'tag/' || tag_name"],
    ["contact_tags", "contact.tag", "'contact/' || contact_key || '/tag/' || tag_name"],
    ["collections", "collection.create", "'collection/' || collection_key"],
    ["articles", "article.create", "'help_centre_article/' || article_key"],
    ["part_files", "file of a part", "file_key"],
] %}
with
    requests as (

        select slot, kind
        from {{ ref("requests") }}

        union all

        -- files have no request of their own: they are named in that of their part
        select unnest(json_extract_string(payload, '$.attachment_files[*].data."$file"')), 'file of a part'
        from {{ ref("requests") }}
        where kind = 'conversation.reply'

    ),

    wanted as (
        {% for table, kind, slot in pairs %}
            select '{{ table }}' as final_table, '{{ kind }}' as kind, {{ slot }} as slot, count(*) as times
            from {{ ref(table) }}
            group by all
            union all
        {% endfor %}
        select 'contacts', 'contact.email', 'contact/' || contact_key || '/email', count(*)
        from {{ ref("contacts") }}
        where is_address_held
        group by all
    ),

    planned as (

        select kind, slot, count(*) as times
        from requests
        where kind in (select kind from wanted)
        group by all

    )

select
    wanted.final_table,
    coalesce(wanted.kind, planned.kind) as kind,
    coalesce(wanted.slot, planned.slot) as slot,
    coalesce(wanted.times, 0) as rows_of_the_final_table,
    coalesce(planned.times, 0) as requests
from wanted
full join planned on wanted.kind = planned.kind and wanted.slot = planned.slot
where wanted.times is distinct from 1 or planned.times is distinct from 1
