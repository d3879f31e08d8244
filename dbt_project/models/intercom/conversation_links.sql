-- Attributes that name other conversations, set when all of them exist: the ids are filled in by the loader.
select conversations.conversation_key, link_values.name, link_values.value, link_values.otrs_value
from {{ ref("conversations") }} as conversations
inner join
    {{ ref("int_ticket_link_values") }} as link_values on conversations.otrs_ticket_id = link_values.ticket_id
