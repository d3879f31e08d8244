-- What could not be taken as it stands: by the extract, or here.
select table_name, row_key, column_name, reason
from {{ source("raw_otrs", "rejected") }}

union all

select 'article', article_id::varchar, 'a_body', 'not a JSON list of the lines of a chat; kept as text'
from {{ ref("base_otrs__chats") }}
where lines is null
