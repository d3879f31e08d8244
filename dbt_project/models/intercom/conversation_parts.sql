-- Every part in order. Position 0 is the opening message, which creates the conversation.
with
    placed as (select * from {{ ref("int_parts_placed") }}),

    conversations as (select * from {{ ref("conversations") }}),

    articles as (select article_id, created_at from {{ ref("int_articles_unified") }}),

    authored as (select article_id, admin_id from {{ ref("int_articles_authored") }}),

    rendered as (select article_id, piece, body, body_format from {{ ref("int_articles_rendered") }}),

    notes as (select note_key, body, created_at from {{ ref("int_ticket_notes") }}),

    me as (select max(admin_id) as admin_id from {{ ref("stg_intercom__me") }}),

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
            false as is_superseded,
            null::bigint as otrs_article_id,
            {{ content_hash(["otrs_ticket_number", "chunk"]) }} as content_hash,
            created_at
        from conversations
        where chunk > 1

    ),

    worded as (

        select
            placed.*,
            conversations.conversation_key,
            conversations.body as conversation_body,
            conversations.created_at as conversation_created_at,
            coalesce(authored.admin_id, me.admin_id) as admin_id,
            coalesce(articles.created_at, notes.created_at) as written_at,
            case when not placed.is_superseded then coalesce(rendered.body, notes.body) end as text,
            case
                when placed.is_opening
                then 'text'
                else
                    coalesce(
                        rendered.body_format,
                        case when placed.part_type = 'contact_comment' then 'text' else 'html' end
                    )
            end as body_format,
            piece_files.names,
            case
                when placed.revision > 0 and placed.piece = 0
                then
                    'Edited in OTRS after the first transfer; this replaces the message of '
                    || strftime(coalesce(articles.created_at, notes.created_at), '%Y-%m-%d %H:%M')
                    || ' UTC.'
            end as edited
        from placed
        inner join
            conversations
            on placed.ticket_id = conversations.otrs_ticket_id
            and placed.chunk = conversations.chunk
        cross join me
        left join articles on placed.article_id = articles.article_id
        left join authored on placed.article_id = authored.article_id
        left join rendered on placed.article_id = rendered.article_id and placed.piece = rendered.piece
        left join notes on placed.subject_key = notes.note_key
        left join piece_files on placed.part_key = piece_files.part_key

    ),

    ticket_parts as (

        select
            part_key,
            conversation_key,
            ticket_position,
            part_type,
            author_key,
            admin_id,
            case
                when is_opening
                then conversation_body
                when body_format = 'text'
                then
                    case
                        when is_superseded
                        then '(edited in OTRS since; the present text follows)'
                        when text is not null
                        then concat_ws(chr(10) || chr(10), edited, text)
                        else 'Attachments: ' || names
                    end
                when is_superseded
                then '<p>(edited in OTRS since; the present text follows)</p>'
                when text is not null
                then coalesce('<p><i>' || edited || '</i></p>', '') || text
                else '<p>Attachments: ' || {{ escape_html("names") }} || '</p>'
            end as body,
            body_format,
            is_opening,
            is_synthetic,
            is_superseded,
            article_id as otrs_article_id,
            content_hash,
            case when is_opening then conversation_created_at else written_at end as created_at
        from worded

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
    is_superseded,

    -- timestamps, UTC
    created_at
from united
