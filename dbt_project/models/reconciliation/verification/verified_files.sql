-- Files of parts as they are wanted beside what Intercom answers: paired by name, then by size.
with
    receipts as (select * from {{ ref("stg_ledger__receipts") }}),

    ids as (select creates as object_key, intercom_id from receipts where creates is not null),

    answers as (

        select
            targets.object_key as conversation_key,
            answers.intercom_id as conversation_id,
            unnest(json_extract(answers.data, '$.conversation_parts.conversation_parts[*]')) as part
        from {{ ref("stg_intercom__read_back_targets") }} as targets
        inner join
            {{ ref("stg_intercom__read_back") }} as answers
            on targets.object = answers.object
            and targets.intercom_id = answers.intercom_id
        where targets.object = 'conversation' and answers.is_found

    ),

    parts as (

        select
            parts.conversation_key,
            answers.conversation_id,
            parts.part_key,
            ids.intercom_id as part_id,
            json_extract(answers.part, '$.attachments[*]') as files
        from {{ ref("conversation_parts") }} as parts
        inner join ids on 'part/' || parts.part_key = ids.object_key
        inner join
            answers
            on parts.conversation_key = answers.conversation_key
            and (answers.part ->> '$.id') = ids.intercom_id
        where not parts.is_opening and not parts.is_superseded

    ),

    wanted as (

        select
            files.part_key,
            files.name,
            files.content_type,
            files.size,
            files.sha256,
            files.position,
            row_number() over (partition by files.part_key, files.name order by files.position) as nth
        from {{ ref("part_files") }} as files
        semi join parts on files.part_key = parts.part_key

    ),

    actual as (

        select *, row_number() over (partition by part_key, name order by position) as nth
        from
            (
                select
                    conversation_id,
                    part_key,
                    part_id,
                    position,
                    file ->> '$.name' as name,
                    file ->> '$.content_type' as content_type,
                    try_cast(file ->> '$.filesize' as bigint) as size
                from
                    (
                        select
                            conversation_id,
                            part_key,
                            part_id,
                            unnest(files) as file,
                            generate_subscripts(files, 1) - 1 as position
                        from parts
                    )
            )

    ),

    by_name as (

        select wanted.part_key, wanted.name, wanted.nth, actual.position
        from wanted
        inner join actual using (part_key, name, nth)

    ),

    -- Names may be changed on the way: what has no namesake is paired with what is as large.
    by_size as (

        select left_over.part_key, left_over.name, left_over.nth, nameless.position
        from
            (
                select *, row_number() over (partition by part_key, size order by name, nth) as place
                from wanted
                anti join by_name using (part_key, name, nth)
            ) as left_over
        inner join
            (
                select *, row_number() over (partition by part_key, size order by position) as place
                from actual
                anti join by_name using (part_key, position)
            ) as nameless using (part_key, size, place)

    ),

    pairs as (

        select *
        from by_name
        union all
        select *
        from by_size

    ),

    compared_files as (

        select
            coalesce(wanted.part_key, actual.part_key) as part_key,
            coalesce('file ' || wanted.position, 'a further file') as what,
            wanted.name as wanted_name,
            wanted.content_type,
            wanted.size,
            wanted.sha256,
            wanted.part_key is not null and actual.part_key is not null as is_found,
            actual.name as name_found,
            actual.content_type as content_type_found,
            actual.size as size_found,
            fetched.sha256 as sha256_found,
            fetched.problem,
            fetched.part_id is not null as is_fetched
        from wanted
        left join pairs using (part_key, name, nth)
        full join actual on pairs.part_key = actual.part_key and pairs.position = actual.position
        left join
            {{ ref("stg_intercom__read_back_files") }} as fetched
            on actual.conversation_id = fetched.conversation_id
            and actual.part_id = fetched.part_id
            and actual.position = fetched.position

    ),

    fields as (

        select
            parts.conversation_key as object_key,
            files.part_key,
            parts.conversation_id as intercom_id,
            files.what,
            {{
                compared(
                    [
                        [
                            "name",
                            "wanted_name",
                            "name_found",
                            "case when regexp_replace(lower(wanted_name), '[^a-z0-9]', '', 'g')"
                            " = regexp_replace(lower(name_found), '[^a-z0-9]', '', 'g')"
                            " then 'file_name_cleaned' end",
                        ],
                        [
                            "size",
                            "size",
                            "size_found",
                            "case when size_found is null then 'file_size_not_told' end",
                            "is_found",
                        ],
                        [
                            "content type",
                            "content_type",
                            "content_type_found",
                            "case when lower(content_type) = lower(trim(split_part(content_type_found, ';', 1)))"
                            " then 'content_type_written_otherwise' end",
                            "is_found",
                        ],
                        [
                            "sha256",
                            "sha256",
                            "sha256_found",
                            "case when problem != 'gone' then 'file_not_fetched' end",
                            "is_found and is_fetched",
                        ],
                    ]
                )
            }}
        from compared_files as files
        inner join parts on files.part_key = parts.part_key

    ),

    -- A file is named by its place: its own name is a customer's.
    named_fields as (select * replace (field || ' of ' || what as field) from fields)

    {{ classified("file", "named_fields") }}
