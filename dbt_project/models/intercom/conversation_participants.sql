-- Contacts who wrote in a conversation that is another contact's.
with
    parts as (select * from {{ ref("conversation_parts") }} where part_type = 'contact_comment'),

    conversations as (select * from {{ ref("conversations") }})

select distinct parts.conversation_key, parts.author_key as contact_key
from parts
inner join conversations on parts.conversation_key = conversations.conversation_key
where parts.author_key != conversations.contact_key
