-- Every part in order. Position 0 is the opening message, which creates the conversation.
with
    placed as (select * from {{ ref("int_parts_placed") }}),

    conversations as (select * from {{ ref("conversations") }}),

    articles as (select article_id, created_at from {{ ref("int_articles_unified") }}),

    authored as (select article_id, admin_id from {{ ref("int_articles_authored") }}),

    rendered as (select * from {{ ref("int_articles_rendered") }}),

    piece_files as (

        select placed.part_key, string_agg(files.file_name, ', ' order by files.file_number) as names
        from placed
        inner join
            {{ ref("int_files_decided") }} as files
            on placed.article_id = files.article_id
            and files.file_number between placed.first_file and placed.last_file
        group by placed.part_key

    ),

    continuation_openings as (

        select
            conversation_key || ':header' as part_key,
            conversation_key,
            -1::bigint as ticket_position,
            'contact_comment' as part_type,
            contact_key as author_key,
            null as admin_id,
            body,
            'text' as body_format,
            true as is_opening,
            true as is_synthetic,
            null::bigint as otrs_article_id,
            null as content_hash,
            created_at
        from conversations
        where chunk > 1

    ),

    ticket_parts as (

        select
            placed.part_key,
            conversations.conversation_key,
            placed.ticket_position,
            placed.part_type,
            placed.author_key,
            authored.admin_id,
            case
                when placed.is_opening
                then conversations.body
                when not placed.is_synthetic
                then rendered.body
                when placed.part_type = 'contact_comment'
                then 'Attachments: ' || piece_files.names
                else '<p>Attachments: ' || {{ escape_html("piece_files.names") }} || '</p>'
            end as body,
            case when placed.part_type = 'contact_comment' then 'text' else 'html' end as body_format,
            placed.is_opening,
            placed.is_synthetic,
            placed.article_id as otrs_article_id,
            case
                when placed.piece = 0
                then rendered.content_hash
                else md5(rendered.content_hash || placed.piece)
            end as content_hash,
            case
                when placed.is_opening then conversations.created_at else articles.created_at
            end as created_at
        from placed
        inner join
            conversations
            on placed.ticket_id = conversations.otrs_ticket_id
            and placed.chunk = conversations.chunk
        left join articles on placed.article_id = articles.article_id
        left join authored on placed.article_id = authored.article_id
        left join rendered on placed.article_id = rendered.article_id
        left join piece_files on placed.part_key = piece_files.part_key

    ),

    united as (

        select *
        from continuation_openings
        union all by name
        select *
        from ticket_parts

    )

select
    -- ids
    part_key,
    conversation_key,
    row_number() over (partition by conversation_key order by ticket_position) - 1 as position,
    otrs_article_id,

    -- what and who
    part_type,
    author_key,
    admin_id,

    -- text
    body,
    body_format,
    content_hash,

    -- booleans
    is_opening,
    is_synthetic,

    -- timestamps, UTC
    created_at
from united
