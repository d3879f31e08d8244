-- Who the From line of a customer's article names. A table, since a Python function reads the line.
with
    articles as (select * from {{ ref("int_articles_unified") }} where sender_type = 'customer'),

    parsed as (select article_id, ticket_id, last_address(from_header) as answer from articles)

select article_id, ticket_id, answer.address as address, answer.name as display_name, answer.error as error
from parsed
