-- The text of each article's part: plain text for a contact's comment (what the API promises to keep), HTML
-- for a teammate's comment or note, with the author's name where he cannot speak as himself, and with the
-- lines of the mail that say something new. A body over the limit goes on in further pieces.
with
    authored as (select * from {{ ref("int_articles_authored") }}),

    articles as (select * from {{ ref("int_articles_unified") }}),

    html_bodies as (

        select article_id, min(body_html) as body_html, min(sha256) as sha256, min(error) as error
        from {{ ref("int_html_bodies_cleaned") }}
        group by article_id

    ),

    images as ({{ image_names(ref("int_attachments_classified")) }}),

    details as (select article_id, details from {{ ref("int_article_details_chosen") }}),

    first_articles as (select ticket_id, min(article_id) as article_id from authored group by ticket_id),

    -- A line for each file that is not among the part's files.
    files_left as (

        select
            article_id,
            string_agg(
                case
                    when storage_link is null
                    then '[File not transferred: ' || file_name || ', missing in OTRS]'
                    else
                        '[File kept outside Intercom for its size: '
                        || file_name
                        || ', '
                        || size_bytes
                        || ' bytes, '
                        || storage_link
                        || ']'
                end,
                chr(10)
                order by article_position
            ) as notice,
            string_agg(
                case
                    when storage_link is null
                    then '[File not transferred: ' || {{ escape_html("file_name") }} || ', missing in OTRS]'
                    else
                        '[File kept outside Intercom for its size: ' || case
                            when regexp_matches(storage_link, '^https?://')
                            then
                                '<a href="'
                                || {{ escape_html("storage_link") }}
                                || '">'
                                || {{ escape_html("file_name") }}
                                || '</a>, '
                                || size_bytes
                                || ' bytes]'
                            else
                                {{ escape_html("file_name") }}
                                || ', '
                                || size_bytes
                                || ' bytes, '
                                || {{ escape_html("storage_link") }}
                                || ']'
                        end
                end,
                '<br>'
                order by article_position
            ) as html_notice
        from {{ ref("int_files_decided") }}
        where exclusion_code in ('file_over_size_limit', 'file_missing')
        group by article_id

    ),

    files as (

        select
            article_id,
            to_json(list([file_name, sha256] order by article_position))::varchar as fingerprint,
            string_agg(file_name, ', ' order by article_position) as names
        from {{ ref("int_files_decided") }}
        where exclusion_code is null or exclusion_code in ('file_over_size_limit', 'file_missing')
        group by article_id

    ),

    hashed as (

        select
            authored.article_id,
            authored.part_type,
            authored.named_author,
            -- The first article may open the conversation, which takes plain text only.
            case
                when authored.part_type != 'contact_comment'
                then 'html'
                when first_articles.article_id is not null
                then 'text'
                else '{{ var("contact_comment_format") }}'
            end as body_format,
            articles.plain_body,
            plain_body(articles.plain_body, images.names) as plain_answer,
            html_bodies.body_html,
            html_bodies.error as html_error,
            details.details,
            files_left.notice,
            files_left.html_notice,
            {{
                content_hash(
                    [
                        "articles.sender_type",
                        "articles.channel",
                        "articles.is_visible_for_customer",
                        unix_seconds("articles.created_at"),
                        "articles.from_header",
                        "articles.to_header",
                        "articles.cc_header",
                        "nullif(articles.bcc_header, '')",
                        "articles.subject",
                        "articles.plain_body",
                        "html_bodies.sha256",
                        "files.fingerprint",
                    ]
                )
            }} as content_hash,
            files.names as file_names
        from authored
        inner join articles on authored.article_id = articles.article_id
        left join first_articles on authored.article_id = first_articles.article_id
        left join html_bodies on authored.article_id = html_bodies.article_id
        left join images on authored.article_id = images.article_id
        left join details on authored.article_id = details.article_id
        left join files_left on authored.article_id = files_left.article_id
        left join files on authored.article_id = files.article_id

    ),

    readable as (select *, coalesce(plain_answer.value, plain_body) as readable_text from hashed),

    texts as (

        select
            *,
            case
                when
                    -- blanks of any kind: tab, line ends, no-break, ideographic, zero-width
                    trim(
                        readable_text,
                        ' ' || chr(9) || chr(10) || chr(160) || chr(12288) || chr(8203) || chr(65279)
                    )
                    = ''
                then '(no text)'
                else rtrim(readable_text, ' ' || chr(9) || chr(10))
            end as plain_text
        from readable

    ),

    whole as (

        select
            *,
            case
                when body_format = 'text'
                then
                    concat_ws(
                        chr(10) || chr(10), plain_text, '[Details from OTRS]' || chr(10) || details, notice
                    )
                else
                    concat_ws(
                        '',
                        '<p><i>' || replace(
                            {{ escape_html("nullif(concat_ws(chr(10), named_author, details), '')") }},
                            chr(10),
                            '<br>'
                        )
                        || '</i></p>',
                        coalesce(nullif(body_html, ''), {{ text_to_html("plain_text") }}),
                        '<p>' || html_notice || '</p>'
                    )
            end as body
        from texts

    ),

    cut as (

        select *, null as cut_answer
        from whole
        where length(body) <= {{ var("body_length_limit") }}
        union all by name
        select *, body_pieces(body, body_format, {{ var("body_length_limit") }}) as cut_answer
        from whole
        where length(body) > {{ var("body_length_limit") }}

    ),

    numbered as (

        select
            *,
            unnest(coalesce(cut_answer.pieces, [body])) as piece_body,
            generate_subscripts(coalesce(cut_answer.pieces, [body]), 1) - 1 as piece
        from cut

    )

select
    article_id,
    piece::bigint as piece,
    part_type,
    body_format,
    piece_body as body,
    file_names,
    coalesce(plain_answer.error, cut_answer.error, html_error) as rendering_error,
    content_hash
from numbered
