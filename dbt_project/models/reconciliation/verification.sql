-- What was wanted beside what Intercom answers, field by field, for the conversations read back.
with
    readback as (select * from {{ ref("stg_intercom__conversations") }}),

    receipts as (select * from {{ ref("stg_ledger__receipts") }} where outcome != 'rolled_back'),

    ids as (select creates as object_key, intercom_id from receipts where creates is not null),

    found as (

        select
            replace(ids.object_key, 'conversation/', '') as conversation_key,
            readback.conversation_id,
            readback.is_found,
            readback.data
        from readback
        inner join ids on readback.conversation_id = ids.intercom_id and ids.object_key like 'conversation/%'

    ),

    openings as (

        select
            conversation_key,
            is_superseded as is_opening_superseded,
            is_superseded and otrs_article_id is null as is_opening_gone
        from {{ ref("conversation_parts") }}
        where is_opening

    ),

    -- Conversations of which a part is gone in OTRS; a continuation was dated by its first one.
    with_gaps as (

        select distinct settled.ticket_id, settled.chunk
        from {{ ref("int_parts_settled") }} as settled
        anti join
            {{ ref("int_parts_placed") }} as placed
            on settled.ticket_id = placed.ticket_id
            and settled.part_key = placed.part_key
        where not settled.is_opening

    ),

    wanted as (

        select
            conversations.*,
            with_gaps.ticket_id is not null as has_gaps,
            openings.is_opening_superseded,
            openings.is_opening_gone,
            found.conversation_id,
            coalesce(found.is_found, false) as is_found,
            found.data
        from {{ ref("conversations") }} as conversations
        left join openings on conversations.conversation_key = openings.conversation_key
        left join
            with_gaps
            on conversations.otrs_ticket_id = with_gaps.ticket_id
            and conversations.chunk = with_gaps.chunk
        left join found on conversations.conversation_key = found.conversation_key

    ),

    parts_found as (

        select
            conversation_key, unnest(json_extract(data, '$.conversation_parts.conversation_parts[*]')) as part
        from found
        where is_found

    ),

    parts_read as (

        select
            conversation_key,
            part ->> '$.id' as part_id,
            part ->> '$.part_type' as part_type,
            part ->> '$.body' as body,
            try_cast(part ->> '$.created_at' as bigint) as created_at,
            part ->> '$.author.type' as author_type,
            part ->> '$.author.id' as author_id,
            list_sort(
                list_transform(
                    json_extract(part, '$.attachments[*]'),
                    lambda file:concat_ws('|', file ->> '$.name', file ->> '$.filesize')
                )
            ) as files
        from parts_found

    ),

    files_wanted as (

        select part_key, list_sort(list(concat_ws('|', name, size))) as files
        from {{ ref("part_files") }}
        group by part_key

    ),

    parts_wanted as (

        select
            parts.*,
            ids.intercom_id as part_id,
            authors.intercom_id as contact_id,
            coalesce(files_wanted.files, []) as files
        from {{ ref("conversation_parts") }} as parts
        left join ids on 'part/' || parts.part_key = ids.object_key
        left join ids as authors on 'contact/' || parts.author_key = authors.object_key
        left join files_wanted on parts.part_key = files_wanted.part_key
        where not parts.is_opening

    ),

    compared_parts as (

        select
            wanted.conversation_key,
            wanted.part_key,
            wanted.part_type,
            wanted.body,
            wanted.body_format,
            wanted.is_superseded,
            wanted.created_at,
            wanted.admin_id,
            wanted.contact_id,
            wanted.files,
            actual.part_id as actual_id,
            actual.part_type as actual_type,
            actual.body as actual_body,
            actual.created_at as actual_created_at,
            actual.author_type as actual_author_type,
            actual.author_id as actual_author_id,
            actual.files as actual_files
        from parts_wanted as wanted
        left join
            parts_read as actual
            on wanted.conversation_key = actual.conversation_key
            and wanted.part_id = actual.part_id

    ),

    tags_read as (

        select conversation_key, unnest(json_extract_string(data, '$.tags.tags[*].name')) as tag_name
        from found
        where is_found

    ),

    fields as (

        select
            conversation_key,
            null as part_key,
            'conversation' as field,
            'exists' as expected,
            case when is_found then 'exists' end as actual
        from wanted

        union all

        select conversation_key, null, 'title', title, data ->> '$.title'
        from wanted
        where is_found

        union all

        select conversation_key, null, 'state', state, data ->> '$.state'
        from wanted
        where is_found

        union all

        select
            conversation_key,
            null,
            'created_at',
            {{ unix_seconds("created_at") }}::varchar,
            data ->> '$.created_at'
        from wanted
        where is_found and not is_opening_gone and not (has_gaps and chunk > 1)

        union all

        select
            conversation_key,
            null,
            'body',
            html_text({{ text_to_html("body") }}).value,
            html_text(data ->> '$.source.body').value
        from wanted
        -- what was sent before an edit is not in OTRS any more; the revision that follows is compared
        where is_found and not is_opening_superseded

        union all

        select wanted.conversation_key, null, 'contact', ids.intercom_id, wanted.data ->> '$.source.author.id'
        from wanted
        left join ids on 'contact/' || wanted.contact_key = ids.object_key
        where wanted.is_found

        union all

        select
            conversation_key,
            null,
            'team',
            coalesce(team_id, '0'),
            coalesce(data ->> '$.team_assignee_id', '0')
        from wanted
        where is_found

        union all

        select
            conversation_key,
            null,
            'teammate',
            coalesce(teammate_admin_id, '0'),
            coalesce(data ->> '$.admin_assignee_id', '0')
        from wanted
        where is_found

        union all

        select
            wanted.conversation_key,
            null,
            'attribute ' || attributes.name,
            attributes.value ->> '$',
            wanted.data -> '$.custom_attributes' ->> ('$."' || attributes.name || '"')
        from wanted
        inner join
            {{ ref("conversation_attributes") }} as attributes
            on wanted.conversation_key = attributes.conversation_key
        where wanted.is_found

        union all

        select
            coalesce(tags.conversation_key, tags_read.conversation_key),
            null,
            'tag',
            tags.tag_name,
            tags_read.tag_name
        from
            (
                select tags.*
                from {{ ref("conversation_tags") }} as tags
                semi join found on tags.conversation_key = found.conversation_key and found.is_found
            ) as tags
        full join
            tags_read
            on tags.conversation_key = tags_read.conversation_key
            and lower(tags.tag_name) = lower(tags_read.tag_name)

        union all

        select conversation_key, part_key, 'part', 'exists', case when actual_id is not null then 'exists' end
        from compared_parts
        where conversation_key in (select conversation_key from found where is_found)

        union all

        select
            conversation_key,
            part_key,
            'part body',
            html_text(case when body_format = 'text' then {{ text_to_html("body") }} else body end).value,
            html_text(actual_body).value
        from compared_parts
        where actual_id is not null and not is_superseded

        union all

        select
            conversation_key,
            part_key,
            'part created_at',
            {{ unix_seconds("created_at") }}::varchar,
            actual_created_at::varchar
        from compared_parts
        where actual_id is not null

        union all

        select
            conversation_key,
            part_key,
            'part author',
            case when part_type = 'contact_comment' then contact_id else 'admin ' || admin_id end,
            case when actual_author_type = 'admin' then 'admin ' || actual_author_id else actual_author_id end
        from compared_parts
        -- the author of a message that was hidden or shown since is another one now
        where
            actual_id is not null
            and (not is_superseded or (part_type = 'admin_note') = (actual_type = 'note'))

        union all

        -- A contact's reply to a closed conversation comes back as a part of type `open`.
        select
            conversation_key,
            part_key,
            'part visibility',
            case when part_type = 'admin_note' then 'internal' else 'visible' end,
            case when actual_type = 'note' then 'internal' else 'visible' end
        from compared_parts
        where actual_id is not null and not is_superseded

        union all

        select conversation_key, part_key, 'part files', files::varchar, actual_files::varchar
        from compared_parts
        where actual_id is not null and not is_superseded

        union all

        select actual.conversation_key, null, 'part', null, 'part ' || actual.part_id
        from parts_read as actual
        left join
            parts_wanted as wanted
            on actual.conversation_key = wanted.conversation_key
            and actual.part_id = wanted.part_id
        where
            wanted.part_id is null and actual.part_type in ('comment', 'note') and actual.author_type != 'bot'

    )

select
    conversation_key,
    part_key,
    field,
    expected,
    actual,
    case
        when expected is not distinct from actual
        then 'identical'
        when actual is null
        then 'missing'
        when expected is null
        then 'added'
        else 'modified'
    end as status
from fields
