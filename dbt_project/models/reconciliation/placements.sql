-- Where each source record ended up: in a request of the plan, or among the exclusions. A record that stands
-- here twice is doubled, one that stands here nowhere is lost; the tests fail on both.
with
    requests as (select * from {{ ref("requests") }}),

    conversations as (select * from {{ ref("conversations") }}),

    parts as (select * from {{ ref("conversation_parts") }}),

    created as (select slot, source_id from requests where kind = 'conversation.create'),

    files_in_requests as (

        select slot, unnest(json_extract_string(payload, '$.attachment_files[*].data."$file"')) as file_key
        from requests
        where kind = 'conversation.reply'

    ),

    files as (select file_key, min(size) as size from {{ ref("part_files") }} group by file_key),

    placed as (

        select
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id,
            'request' as place,
            created.slot as detail,
            null::bigint as bytes
        from conversations
        inner join created on 'conversation/' || conversations.conversation_key = created.slot
        where conversations.chunk = 1

        union all

        select 'article', parts.otrs_article_id::varchar, 'request', created.slot, null
        from parts
        inner join created on 'conversation/' || parts.conversation_key = created.slot
        where parts.is_opening and not parts.is_synthetic

        union all

        select 'article', parts.otrs_article_id::varchar, 'request', requests.slot, null
        from parts
        inner join
            requests
            on 'conversation/' || parts.conversation_key || '/part/' || parts.part_key = requests.slot
        where not parts.is_opening and not parts.is_synthetic

        union all

        select 'article_data_mime_attachment', files.file_key, 'request', files_in_requests.slot, files.size
        from files_in_requests
        left join files on files_in_requests.file_key = files.file_key

        union all

        select 'customer_user', identities.otrs_customer_user_id::varchar, 'request', requests.slot, null
        from {{ ref("contact_identities") }} as identities
        inner join requests on 'contact/' || identities.contact_key = requests.slot

        union all

        select 'customer_company', companies.company_id, 'request', requests.slot, null
        from {{ ref("companies") }} as companies
        inner join requests on 'company/' || companies.company_key = requests.slot

        union all

        select source_table, source_id, 'exclusion', reason_code, bytes
        from {{ ref("exclusions") }}

    )

select source_table, source_id, place, detail, bytes
from placed
