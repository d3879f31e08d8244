-- A file travels with the article it belongs to, in the order of OTRS, under its own name, with its own
-- bytes,
-- and never more of them in one part than Intercom takes.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    attachments as (

        select
            attachments.attachment_key,
            attachments.article_id,
            -- rows of the database by id, then files on disk by name
            row(attachments.attachment_id is null, attachments.attachment_id, attachments.filename) as place,
            nullif(trim(attachments.filename), '') as name,
            contents.sha256,
            contents.size
        from {{ ref("stg_otrs__article_attachments") }} as attachments
        left join
            {{ ref("stg_otrs__attachment_contents") }} as contents
            on attachments.attachment_key = contents.attachment_key

    ),

    listed as (

        select
            'part_files' as place,
            parts.part_key,
            parts.otrs_article_id as article_id,
            parts.position as part_position,
            files.position as file_position,
            files.file_key,
            files.name,
            files.sha256,
            files.size
        from {{ ref("part_files") }} as files
        left join {{ ref("conversation_parts") }} as parts on files.part_key = parts.part_key

    ),

    sent as (

        select slot, position, json_extract(payload, '$.attachment_files') as files
        from {{ ref("requests") }}
        where kind = 'conversation.reply' and json_array_length(payload, '$.attachment_files') > 0

    ),

    requested as (

        select
            'requests' as place,
            sent.slot as part_key,
            try_cast(regexp_extract(sent.slot, '/part/otrs:article:([0-9]+)', 1) as bigint) as article_id,
            sent.position as part_position,
            numbers.number as file_position,
            sent.files ->> ('$[' || (numbers.number - 1) || '].data."$file"') as file_key,
            sent.files ->> ('$[' || (numbers.number - 1) || '].name') as name
        from sent
        cross join
            lateral(select unnest(range(1, json_array_length(sent.files)::bigint + 1)) as number) as numbers

    ),

    together as (

        select *
        from listed
        union all by name
        select *
        from requested

    ),

    compared as (

        select
            together.*,
            attachments.article_id as own_article_id,
            attachments.name as own_name,
            attachments.sha256 as own_sha256,
            attachments.size as own_size,
            attachments.place as own_place,
            count(*) over (partition by together.place, together.part_key) as files_of_part,
            lag(attachments.place) over (
                partition by together.place, together.article_id
                order by together.part_position, together.file_position
            ) as previous_place
        from together
        left join attachments on together.file_key = attachments.attachment_key

    )

select *
from compared
where
    own_article_id is distinct from article_id
    or name is distinct from coalesce(own_name, name)
    or (place = 'part_files' and (sha256 is distinct from own_sha256 or size is distinct from own_size))
    or previous_place > own_place
    or files_of_part > {{ var("files_per_part") }}
