-- The parts of each ticket: the pieces of its articles in the order OTRS shows them (by id), its notes, and a
-- header where the first article is not the customer's own.
--
-- What the ledger holds stays as it is: an article stays in the conversation that has it when it moves to
-- another ticket later, the opening stays the opening, and what was edited after it was sent comes once more,
-- as a revision, behind what is there.
with
    tickets as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    settled as (

        select *
        from {{ ref("int_parts_settled") }} as settled
        semi join tickets on settled.ticket_id = tickets.ticket_id

    ),

    contacts as (select ticket_id, contact_key from {{ ref("int_ticket_contacts_resolved") }}),

    homes as (

        select article_id, ticket_id
        from settled
        where article_id is not null and revision = 0 and piece = 0
        qualify row_number() over (partition by article_id order by receipt_id desc) = 1

    ),

    texts as (

        select article_id, count(*) as text_count, min(content_hash) as content_hash
        from {{ ref("int_articles_rendered") }}
        group by article_id

    ),

    files as (

        select article_id, count(*) as file_count
        from {{ ref("int_files_decided") }}
        where exclusion_code is null
        group by article_id

    ),

    articles as (

        select
            coalesce(homes.ticket_id, authored.ticket_id) as ticket_id,
            'otrs:article:' || authored.article_id as subject_key,
            authored.article_id,
            authored.part_type,
            authored.author_key,
            texts.content_hash,
            texts.text_count,
            coalesce(files.file_count, 0) as file_count
        from {{ ref("int_articles_authored") }} as authored
        inner join texts on authored.article_id = texts.article_id
        left join homes on authored.article_id = homes.article_id
        left join files on authored.article_id = files.article_id

    ),

    first_articles as (

        select * from articles qualify row_number() over (partition by ticket_id order by article_id) = 1

    ),

    settled_openings as (

        select ticket_id, article_id, content_hash from settled where is_opening and chunk = 1
    ),

    openings as (

        select
            tickets.ticket_id,
            tickets.ticket_key,
            tickets.ticket_number,
            contacts.contact_key,
            settled_openings.content_hash as settled_hash,
            case
                when settled_openings.ticket_id is not null
                then settled_openings.article_id
                -- The opening message is the conversation's contact's own.
                when
                    first_articles.part_type = 'contact_comment'
                    and first_articles.author_key = contacts.contact_key
                then first_articles.article_id
            end as opening_article_id
        from tickets
        left join contacts on tickets.ticket_id = contacts.ticket_id
        left join first_articles on tickets.ticket_id = first_articles.ticket_id
        left join settled_openings on tickets.ticket_id = settled_openings.ticket_id

    ),

    notes as (

        select
            notes.ticket_id,
            notes.note_key as subject_key,
            null::bigint as article_id,
            'admin_note' as part_type,
            'otrs:agent:1' as author_key,
            notes.content_hash,
            1::bigint as text_count,
            0::bigint as file_count
        from {{ ref("int_ticket_notes") }} as notes
        semi join tickets on notes.ticket_id = tickets.ticket_id

    ),

    subjects as (

        select *
        from articles
        union all by name
        select *
        from notes

    ),

    -- The version of each article or note that a conversation holds.
    latest as (

        select ticket_id, subject_key, revision, content_hash
        from settled
        where piece = 0
        qualify row_number() over (partition by ticket_id, subject_key order by revision desc) = 1

    ),

    versioned as (

        select
            subjects.*,
            case
                when latest.content_hash = subjects.content_hash
                then latest.revision
                else coalesce(latest.revision + 1, 0)
            end as revision,
            openings.opening_article_id is not null as began,
            openings.contact_key
        from subjects
        left join
            latest on subjects.ticket_id = latest.ticket_id and subjects.subject_key = latest.subject_key
        left join
            openings
            on subjects.ticket_id = openings.ticket_id
            and subjects.article_id = openings.opening_article_id

    ),

    counted as (

        select
            *,
            -- The opening takes no files.
            case when began and revision = 0 then 1 else 0 end as without_files,
            case
                when began and revision = 0
                then greatest(text_count, 1 + case when file_count > 0 then pieces_of_files else 0 end)
                else greatest(text_count, pieces_of_files)
            end as piece_count
        from
            (
                select *, ceil(file_count / {{ var("files_per_part") }})::bigint as pieces_of_files
                from versioned
            )

    ),

    present_parts as (

        select
            counted.* exclude (part_type, author_key, content_hash),
            pieces.piece,
            subject_key
            || case when revision > 0 then ':revision:' || revision else '' end
            || case when pieces.piece > 0 then ':' || pieces.piece else '' end as part_key,
            began and revision = 0 and pieces.piece = 0 as is_opening,
            case
                when pieces.piece < without_files
                then 0
                else (pieces.piece - without_files) * {{ var("files_per_part") }} + 1
            end as first_file,
            case
                when pieces.piece < without_files
                then 0
                else (pieces.piece - without_files + 1) * {{ var("files_per_part") }}
            end as last_file,
            part_type,
            author_key,
            article_id is null or pieces.piece > 0 or revision > 0 as is_synthetic,
            false as is_superseded,
            case
                when pieces.piece = 0 then content_hash else md5(content_hash || pieces.piece)
            end as content_hash
        from counted
        cross join lateral(select unnest(range(0, counted.piece_count)) as piece) as pieces

    ),

    -- Earlier versions stand in the plan as the ledger knows them: nothing about them is due.
    superseded_parts as (

        select
            settled.ticket_id,
            settled.subject_key,
            settled.article_id,
            settled.revision,
            settled.piece,
            settled.part_key,
            settled.is_opening,
            0::bigint as first_file,
            0::bigint as last_file,
            versioned.part_type,
            versioned.author_key,
            versioned.contact_key,
            settled.article_id is null or settled.piece > 0 or settled.revision > 0 as is_synthetic,
            true as is_superseded,
            settled.content_hash
        from settled
        inner join
            versioned
            on settled.ticket_id = versioned.ticket_id
            and settled.subject_key = versioned.subject_key
            and settled.revision < versioned.revision

    ),

    headers as (

        select
            openings.ticket_id,
            openings.ticket_key || ':header' as subject_key,
            null::bigint as article_id,
            0::bigint as revision,
            0::bigint as piece,
            openings.ticket_key || ':header' as part_key,
            true as is_opening,
            0::bigint as first_file,
            0::bigint as last_file,
            'contact_comment' as part_type,
            openings.contact_key as author_key,
            openings.contact_key,
            true as is_synthetic,
            -- the article that began the conversation is gone
            openings.opening_article_id is not null as is_superseded,
            coalesce(
                openings.settled_hash, {{ content_hash(["openings.ticket_number", "1"]) }}
            ) as content_hash
        from openings
        left join
            articles
            on openings.ticket_id = articles.ticket_id
            and openings.opening_article_id = articles.article_id
        where articles.article_id is null

    ),

    united as (

        select *
        from headers
        union all by name
        select *
        from superseded_parts
        union all by name
        select *
        from present_parts

    )

select
    united.ticket_id,
    united.part_key,
    united.subject_key,
    united.article_id,
    united.revision,
    united.piece,
    united.first_file,
    united.last_file,
    case when united.is_opening then 'contact_comment' else united.part_type end as part_type,
    case
        when united.is_opening then coalesce(united.contact_key, united.author_key) else united.author_key
    end as author_key,
    united.is_opening,
    united.is_synthetic,
    united.is_superseded,
    united.content_hash,
    settled.chunk as settled_chunk,
    -- what is there, as it came; then what is new, in the order of OTRS
    row_number() over (
        partition by united.ticket_id
        order by
            united.is_opening desc,
            settled.receipt_id nulls last,
            united.article_id nulls last,
            united.subject_key,
            united.revision,
            united.piece
    )
    - 1 as ticket_position
from united
left join settled on united.ticket_id = settled.ticket_id and united.part_key = settled.part_key
