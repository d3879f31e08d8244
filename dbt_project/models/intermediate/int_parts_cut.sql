-- The parts of each ticket in the order OTRS shows its articles (by id), with the parts made beside them:
-- a header where the first article is not the customer's, and further parts for more files than one takes.
with
    articles as (select * from {{ ref("int_articles_authored") }}),

    tickets as (select * from {{ ref("int_tickets_decided") }} where is_loaded),

    files as (

        select article_id, count(*) as file_count
        from {{ ref("int_files_decided") }}
        where exclusion_code is null
        group by article_id

    ),

    first_articles as (

        select ticket_id, article_id, part_type, author_key
        from articles
        qualify row_number() over (partition by ticket_id order by article_id) = 1

    ),

    contacts as (select ticket_id, contact_key from {{ ref("int_ticket_contacts_resolved") }}),

    openings as (

        select
            tickets.ticket_id,
            tickets.ticket_key,
            contacts.contact_key,
            -- The opening message is the conversation's contact's own.
            case
                when
                    first_articles.part_type = 'contact_comment'
                    and first_articles.author_key = contacts.contact_key
                then first_articles.article_id
            end as opening_article_id
        from tickets
        left join contacts on tickets.ticket_id = contacts.ticket_id
        left join first_articles on tickets.ticket_id = first_articles.ticket_id

    ),

    headers as (

        select
            ticket_id,
            ticket_key || ':header' as part_key,
            null::bigint as article_id,
            0 as piece,
            0 as first_file,
            0 as last_file,
            'contact_comment' as part_type,
            contact_key as author_key,
            true as is_opening,
            true as is_synthetic
        from openings
        where opening_article_id is null

    ),

    counted as (

        select
            articles.*,
            openings.opening_article_id is not null as is_opening,
            coalesce(files.file_count, 0) as file_count,
            -- The opening takes no files; a part takes so many.
            case
                when openings.opening_article_id is not null
                then 1 + ceil(coalesce(files.file_count, 0) / {{ var("files_per_part") }})
                else greatest(1, ceil(coalesce(files.file_count, 0) / {{ var("files_per_part") }}))
            end::bigint as piece_count
        from articles
        left join files on articles.article_id = files.article_id
        left join openings on articles.article_id = openings.opening_article_id

    ),

    pieces as (select counted.*, unnest(generate_series(0, piece_count - 1)) as piece from counted),

    article_parts as (

        select
            ticket_id,
            'otrs:article:'
            || article_id
            || case when piece > 0 then ':files:' || piece else '' end as part_key,
            article_id,
            piece,
            case
                when is_opening and piece = 0
                then 0
                else (piece - is_opening::bigint) * {{ var("files_per_part") }} + 1
            end as first_file,
            case
                when is_opening and piece = 0
                then 0
                else (piece - is_opening::bigint + 1) * {{ var("files_per_part") }}
            end as last_file,
            part_type,
            author_key,
            is_opening and piece = 0 as is_opening,
            piece > 0 as is_synthetic
        from pieces

    )

select
    *,
    row_number() over (partition by ticket_id order by article_id nulls first, piece) - 1 as ticket_position
from
    (
        select *
        from headers
        union all by name
        select *
        from article_parts
    )
