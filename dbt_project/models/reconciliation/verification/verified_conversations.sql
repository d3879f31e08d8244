-- Conversations as they are wanted beside what Intercom answers, field by field; their parts are elsewhere.
with
    targets as (

        select object_key as conversation_key, intercom_id, is_of_selection
        from {{ ref("stg_intercom__read_back_targets") }}
        where object = 'conversation'

    ),

    answers as (

        select
            intercom_id,
            is_found,
            read_at,
            data,
            json_extract_string(
                data,
                [
                    '$.title',
                    '$.state',
                    '$.created_at',
                    '$.snoozed_until',
                    '$.source.body',
                    '$.source.author.id',
                    '$.source.author.type',
                    '$.team_assignee_id',
                    '$.admin_assignee_id',
                    '$.company.id'
                ]
            ) as told
        from {{ ref("stg_intercom__read_back") }}
        where object = 'conversation'

    ),

    receipts as (select * from {{ ref("stg_ledger__receipts") }}),

    ids as (select creates as object_key, intercom_id from receipts where creates is not null),

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
            {{ text_to_html("conversations.body") }} as html,
            not coalesce(openings.is_opening_gone, false)
            and not (with_gaps.ticket_id is not null and conversations.chunk > 1) as is_time_known,
            -- what was sent before an edit is not in OTRS any more; the revision that follows is compared
            not coalesce(openings.is_opening_superseded, false) as is_body_known,
            targets.intercom_id,
            targets.is_of_selection,
            people.intercom_id as contact_id,
            companies.intercom_id as company_id,
            coalesce(answers.is_found, false) as is_found,
            answers.read_at,
            answers.data,
            answers.told[1] as title_found,
            answers.told[2] as state_found,
            answers.told[3] as created_at_found,
            answers.told[4] as snoozed_until_found,
            answers.told[5] as body_found,
            answers.told[6] as author_found,
            answers.told[7] as author_type_found,
            answers.told[8] as team_found,
            answers.told[9] as teammate_found,
            answers.told[10] as company_found
        from targets
        inner join {{ ref("conversations") }} as conversations using (conversation_key)
        left join openings using (conversation_key)
        left join
            with_gaps
            on conversations.otrs_ticket_id = with_gaps.ticket_id
            and conversations.chunk = with_gaps.chunk
        left join ids as people on 'contact/' || conversations.contact_key = people.object_key
        left join ids as companies on 'company/' || conversations.company_key = companies.object_key
        left join answers on targets.intercom_id = answers.intercom_id

    ),

    found as (select conversation_key, contact_key, intercom_id, data from wanted where is_found),

    fields as (

        select
            conversation_key as object_key,
            intercom_id,
            {{
                compared(
                    [
                        ["exists", "'exists'", "case when is_found then 'exists' end"],
                        ["title", "title", "title_found", "", "is_found"],
                        [
                            "state",
                            "state",
                            "state_found",
                            "case when state = 'snoozed' and state_found = 'open' and snoozed_until <= read_at"
                            " then 'snooze_is_over' end",
                            "is_found",
                        ],
                        [
                            "snoozed_until",
                            unix_seconds("snoozed_until"),
                            "snoozed_until_found",
                            "case when snoozed_until <= read_at then 'snooze_is_over' end",
                            "is_found and state = 'snoozed'",
                        ],
                        [
                            "created_at",
                            unix_seconds("created_at"),
                            "created_at_found",
                            "",
                            "is_found and is_time_known",
                        ],
                        [
                            "body",
                            "html",
                            "body_found",
                            "case when html is distinct from body_found"
                            " and html_text(html).value = html_text(body_found).value then 'cleaned_html' end",
                            "is_found and is_body_known",
                        ],
                        ["author", "coalesce(contact_id, 'not loaded')", "author_found", "", "is_found"],
                        ["author type", "'user'", "author_type_found", "", "is_found"],
                        ["team", "coalesce(team_id, '0')", "coalesce(team_found, '0')", "", "is_found"],
                        [
                            "teammate",
                            "coalesce(teammate_admin_id, '0')",
                            "coalesce(teammate_found, '0')",
                            "",
                            "is_found",
                        ],
                        [
                            "company",
                            "case when company_key is not null then coalesce(company_id, 'not loaded') end",
                            "company_found",
                            "",
                            "is_found",
                        ],
                    ]
                )
            }}
        from wanted

    ),

    -- Conversations that the plan has given up; nothing of them is wanted.
    no_longer_planned as (

        select
            replace(receipts.creates, 'conversation/', '') as object_key,
            receipts.intercom_id,
            'exists' as field,
            null as expected,
            'exists' as actual,
            'planned_no_longer' as rule,
            true as applies
        from receipts
        inner join answers on receipts.intercom_id = answers.intercom_id and answers.is_found
        anti join
            {{ ref("conversations") }} as conversations
            on receipts.creates = 'conversation/' || conversations.conversation_key
        where receipts.kind = 'conversation.create'

    ),

    -- Text around ids, filled in as the loader does.
    link_texts as (

        select
            links.slot,
            links.conversation_key,
            links.name,
            string_agg(
                case
                    when json_type(links.piece) = 'OBJECT'
                    then coalesce(ids.intercom_id, links.piece ->> '$.default', '?')
                    else links.piece ->> '$'
                end,
                ''
                order by links.place
            ) as value
        from
            (
                select
                    slot,
                    conversation_key,
                    name,
                    unnest(pieces) as piece,
                    generate_subscripts(pieces, 1) as place
                from
                    (
                        select
                            slot,
                            replace(
                                split_part(slot, '/attribute/', 1), 'conversation/', ''
                            ) as conversation_key,
                            attribute.key as name,
                            json_extract(attribute.value, '$."$concat"[*]') as pieces
                        from
                            (
                                select
                                    slot,
                                    unnest(
                                        map_entries(
                                            from_json(
                                                payload -> '$.custom_attributes', '"MAP(VARCHAR, JSON)"'
                                            )
                                        )
                                    ) as attribute
                                from {{ ref("requests") }}
                                where phase = 6
                            )
                    )
            ) as links
        left join ids on links.piece ->> '$."$ref"' = ids.object_key
        group by links.slot, links.conversation_key, links.name

    ),

    attributes_wanted as (

        select conversation_key, name, value ->> '$' as value, false as is_link
        from {{ ref("conversation_attributes") }}
        union all
        select conversation_key, name, value, true
        from link_texts

    ),

    attributes_found as (

        select conversation_key, key as name, value ->> '$' as value
        from (select conversation_key, {{ attributes_of("data") }} from found)
        where value ->> '$' is not null

    ),

    definitions as (select name from {{ ref("data_attributes") }} where model = 'conversation'),

    attributes as (

        select
            coalesce(wanted.conversation_key, attributes_found.conversation_key) as object_key,
            'attribute ' || coalesce(wanted.name, attributes_found.name) as field,
            wanted.value as expected,
            attributes_found.value as actual,
            'conversation/'
            || object_key
            || '/attribute/'
            || coalesce(wanted.name, attributes_found.name) as slot,
            wanted.is_link
        from
            (
                select attributes_wanted.*
                from attributes_wanted
                semi join found on attributes_wanted.conversation_key = found.conversation_key
            ) as wanted
        full join
            attributes_found
            on wanted.conversation_key = attributes_found.conversation_key
            and wanted.name = attributes_found.name

    ),

    attribute_fields as (

        select
            attributes.object_key,
            found.intercom_id,
            attributes.field,
            attributes.expected,
            attributes.actual,
            case
                when attributes.expected is null and receipts.slot is not null
                then 'planned_no_longer'
                when attributes.expected is null and definitions.name is null
                then 'attribute_of_the_workspace'
                when attributes.is_link and targets.is_of_selection and receipts.slot is null
                then 'not_selected'
                else {{ value_rule("attributes.expected", "attributes.actual") }}
            end as rule,
            true as applies
        from attributes
        inner join found on attributes.object_key = found.conversation_key
        inner join targets on attributes.object_key = targets.conversation_key
        left join receipts on attributes.slot = receipts.slot
        left join definitions on attributes.field = 'attribute ' || definitions.name

    ),

    tags_found as (

        select conversation_key, unnest(json_extract_string(data, '$.tags.tags[*].name')) as tag_name
        from found

    ),

    tag_fields as (

        select
            coalesce(tags.conversation_key, tags_found.conversation_key) as object_key,
            'tag' as field,
            tags.tag_name as expected,
            tags_found.tag_name as actual,
            case
                when lower(tags.tag_name) = lower(tags_found.tag_name) then 'tag_in_another_case'
            end as rule,
            true as applies
        from
            (
                select tags.*
                from {{ ref("conversation_tags") }} as tags
                semi join found on tags.conversation_key = found.conversation_key
            ) as tags
        full join
            tags_found
            on tags.conversation_key = tags_found.conversation_key
            and lower(tags.tag_name) = lower(tags_found.tag_name)

    ),

    participants_wanted as (

        select conversation_key, contact_key
        from found
        union
        select participants.conversation_key, participants.contact_key
        from {{ ref("conversation_participants") }} as participants
        semi join found on participants.conversation_key = found.conversation_key

    ),

    participants_found as (

        select conversation_key, unnest(json_extract_string(data, '$.contacts.contacts[*].id')) as contact_id
        from found

    ),

    participant_fields as (

        select
            coalesce(wanted.conversation_key, actual.conversation_key) as object_key,
            'participant' as field,
            wanted.contact_id as expected,
            actual.contact_id as actual,
            null as rule,
            true as applies
        from
            (
                select
                    participants_wanted.conversation_key,
                    coalesce(ids.intercom_id, 'not loaded: ' || participants_wanted.contact_key) as contact_id
                from participants_wanted
                left join ids on 'contact/' || participants_wanted.contact_key = ids.object_key
            ) as wanted
        full join
            participants_found as actual
            on wanted.conversation_key = actual.conversation_key
            and wanted.contact_id = actual.contact_id

    ),

    all_fields as (

        select *, null as part_key
        from fields
        union all by name
        select *, null as part_key
        from no_longer_planned
        union all by name
        select *, null as part_key
        from attribute_fields
        union all by name
        select others.*, found.intercom_id, null as part_key
        from
            (
                select *
                from tag_fields
                union all by name
                select *
                from participant_fields
            ) as others
        inner join found on others.object_key = found.conversation_key

    )

    {{ classified("conversation", "all_fields") }}
