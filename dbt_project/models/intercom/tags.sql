-- Tags to create before the first contact or conversation that carries them.
select tag_name, min(source) as source
from
    (
        select tag_name, source
        from {{ ref("conversation_tags") }}
        union all
        select tag_name, source_table
        from {{ ref("contact_tags") }}
    )
group by tag_name
