-- Parts of conversations as they are wanted beside what Intercom answers, field by field; their files are
-- elsewhere.
with
    answers as (

        select
            targets.object_key as conversation_key,
            answers.intercom_id as conversation_id,
            json_extract(answers.data, '$.conversation_parts.conversation_parts[*]') as parts,
            try_cast(answers.data ->> '$.statistics.count_conversation_parts' as bigint) as all_parts
        from {{ ref("stg_intercom__read_back_targets") }} as targets
        inner join
            {{ ref("stg_intercom__read_back") }} as answers
            on targets.object = answers.object
            and targets.intercom_id = answers.intercom_id
        where targets.object = 'conversation' and answers.is_found

    ),

    -- Intercom shows the 500 newest parts (retrieve a conversation), and says how many there are.
    conversations as (

        select *, greatest(coalesce(all_parts, 0) - len(parts), 0) as hidden_parts from answers

    ),

    receipts as (select * from {{ ref("stg_ledger__receipts") }}),

    ids as (select creates as object_key, intercom_id from receipts where creates is not null),

    parts_found as (

        select
            conversation_key,
            conversation_id,
            place,
            told[1] as part_id,
            told[2] as part_type,
            told[3] as body,
            told[4] as created_at,
            told[5] as author_type,
            told[6] as author_id
        from
            (
                select
                    conversation_key,
                    conversation_id,
                    generate_subscripts(parts, 1) as place,
                    json_extract_string(
                        unnest(parts),
                        ['$.id', '$.part_type', '$.body', '$.created_at', '$.author.type', '$.author.id']
                    ) as told
                from conversations
            )

    ),

    parts_wanted as (

        select
            parts.*,
            conversations.conversation_id,
            conversations.hidden_parts,
            ids.intercom_id as part_id,
            case
                when parts.part_type = 'contact_comment'
                then coalesce(authors.intercom_id, 'not loaded')
                else 'admin ' || parts.admin_id
            end as author,
            case
                when parts.body_format = 'text' then {{ text_to_html("parts.body") }} else parts.body
            end as html
        from {{ ref("conversation_parts") }} as parts
        inner join conversations on parts.conversation_key = conversations.conversation_key
        left join ids on 'part/' || parts.part_key = ids.object_key
        left join ids as authors on 'contact/' || parts.author_key = authors.object_key
        where not parts.is_opening

    ),

    paired as (

        select
            wanted.*,
            actual.part_id is not null as is_found,
            actual.place,
            actual.part_type as type_found,
            actual.body as body_found,
            actual.created_at as created_at_found,
            case
                when actual.author_type = 'admin' then 'admin ' || actual.author_id else actual.author_id
            end as author_found
        from parts_wanted as wanted
        left join
            parts_found as actual
            on wanted.conversation_key = actual.conversation_key
            and wanted.part_id = actual.part_id

    ),

    -- The author of a message that was hidden or shown since is another one now. A contact's reply to a
    -- closed conversation comes back as a part of type `open`.
    fields as (

        select
            conversation_key as object_key,
            part_key,
            conversation_id as intercom_id,
            {{
                compared(
                    [
                        [
                            "exists",
                            "'exists'",
                            "case when is_found then 'exists' end",
                            "case when part_id is not null and hidden_parts > 0 then 'beyond_the_newest_parts' end",
                        ],
                        [
                            "body",
                            "html",
                            "body_found",
                            "case when html is distinct from body_found"
                            " and html_text(html).value = html_text(body_found).value then 'cleaned_html' end",
                            "is_found and not is_superseded",
                        ],
                        ["created_at", unix_seconds("created_at"), "created_at_found", "", "is_found"],
                        [
                            "author",
                            "author",
                            "author_found",
                            "",
                            "is_found and (not is_superseded"
                            " or (part_type = 'admin_note') = (type_found = 'note'))",
                        ],
                        [
                            "visibility",
                            "case when part_type = 'admin_note' then 'internal' else 'visible' end",
                            "case when type_found = 'note' then 'internal' else 'visible' end",
                            "",
                            "is_found and not is_superseded",
                        ],
                    ]
                )
            }}
        from paired

    ),

    added as (

        select
            actual.conversation_key as object_key,
            null as part_key,
            actual.conversation_id as intercom_id,
            'exists' as field,
            null as expected,
            'part ' || actual.part_id as actual,
            case when receipts.slot is not null then 'planned_no_longer' end as rule,
            true as applies
        from parts_found as actual
        left join
            parts_wanted as wanted
            on actual.conversation_key = wanted.conversation_key
            and actual.part_id = wanted.part_id
        left join receipts on receipts.kind = 'conversation.reply' and actual.part_id = receipts.intercom_id
        where
            wanted.part_id is null
            and actual.author_type != 'bot'
            and (
                actual.part_type in ('comment', 'note')
                or (actual.part_type = 'open' and actual.body is not null)
            )

    ),

    -- The order of those that are there, and how many there are when those are counted which Intercom hides.
    sequences as (

        select
            conversation_key as object_key,
            null as part_key,
            any_value(conversation_id) as intercom_id,
            list(part_id order by position) filter (is_found) as planned,
            list(part_id order by place) filter (is_found) as shown,
            list(part_id order by len(part_id), part_id) filter (is_found) as sent,
            list(created_at_found::bigint order by position) filter (is_found) as planned_times,
            list(created_at_found::bigint order by place) filter (is_found) as shown_times,
            count(*) as number,
            count(*) filter (is_found) + least(
                count(*) filter (not is_found and part_id is not null), any_value(hidden_parts)
            ) as number_found
        from paired
        group by conversation_key

    ),

    sequence_fields as (

        select
            object_key,
            part_key,
            intercom_id,
            {{
                compared(
                    [
                        [
                            "order of parts",
                            "case when planned != shown then planned end",
                            "case when planned != shown then shown end",
                            "case when planned_times = shown_times then 'order_within_a_second'"
                            " when shown = sent then 'order_of_sending'"
                            " when shown_times = list_sort(shown_times) then 'order_of_times' end",
                            "shown is not null",
                        ],
                        ["number of parts", "number", "number_found"],
                    ]
                )
            }}
        from sequences

    ),

    all_fields as (

        select *
        from fields
        union all by name
        select *
        from added
        union all by name
        select *
        from sequence_fields

    )

    {{ classified("part", "all_fields") }}
