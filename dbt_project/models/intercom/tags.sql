-- Tags to create before the first conversation that carries them.
select tag_name, min(source) as source from {{ ref("conversation_tags") }} group by tag_name
