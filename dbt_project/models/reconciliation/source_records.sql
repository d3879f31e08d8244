-- Every record of every table that must be accounted for, as staging reads it. What is counted here has to
-- be found again in `placements`, record by record and byte by byte.
with
    contents as (select attachment_key, size from {{ ref("stg_otrs__attachment_contents") }}),

    records as (
        {% for source_table, object, model, keys in conserved_tables() %}
            select
                '{{ source_table }}' as source_table,
                '{{ object }}' as object,
                concat_ws('|', {{ keys | join(", ") }}) as source_id,
                {% if source_table in ("virtual_fs_db", "standard_attachment") %} octet_length(content)
                {% else %} null::bigint
                {% endif %} as own_bytes
            from {{ ref(model) }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select
    records.source_table,
    records.object,
    records.source_id,
    coalesce(contents.size, records.own_bytes)::bigint as bytes
from records
left join
    contents
    on records.source_id = contents.attachment_key
    and records.source_table in ('article_data_mime_attachment', 'article_data_mime_plain')
