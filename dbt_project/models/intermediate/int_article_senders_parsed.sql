-- Who the From line of a customer's article names. A table, since a Python function reads the line.
with articles as (select * from {{ ref("int_articles_unified") }} where sender_type = 'customer')

select
    article_id,
    ticket_id,
    last_address(from_header).address as address,
    last_address(from_header).name as display_name
from articles
