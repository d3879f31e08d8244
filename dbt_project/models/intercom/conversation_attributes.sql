-- Values of the conversations' attributes, one row each; a value that OTRS does not have has no row. The
-- continuations of a conversation carry them, too.
select conversations.conversation_key, ticket_values.name, ticket_values.value, ticket_values.otrs_value
from {{ ref("conversations") }} as conversations
inner join
    {{ ref("int_ticket_attribute_values") }} as ticket_values
    on conversations.otrs_ticket_id = ticket_values.ticket_id
