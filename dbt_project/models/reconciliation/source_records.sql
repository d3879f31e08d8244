-- Every record of every source table that carries customer data and has a home in Intercom.
select 'ticket' as source_table, ticket_id::varchar as source_id, null::bigint as bytes
from {{ ref("stg_otrs__tickets") }}
union all
select 'article', article_id::varchar, null
from {{ ref("stg_otrs__articles") }}
union all
select 'article_data_mime_attachment', attachments.attachment_key, contents.size
from {{ ref("stg_otrs__article_attachments") }} as attachments
left join
    {{ ref("stg_otrs__attachment_contents") }} as contents
    on attachments.attachment_key = contents.attachment_key
union all
select 'customer_user', customer_user_id::varchar, null
from {{ ref("stg_otrs__customer_users") }}
union all
select 'customer_company', customer_id, null
from {{ ref("stg_otrs__customer_companies") }}
