-- The text of each article's part: plain text for a contact's comment (what the API promises to keep), HTML
-- for a teammate's comment or note, with the author's name where he cannot speak as himself.
with
    authored as (select * from {{ ref("int_articles_authored") }}),

    articles as (select * from {{ ref("int_articles_unified") }}),

    html_bodies as (

        select article_id, min(body_html) as body_html, min(sha256) as sha256, min(error) as error
        from {{ ref("int_html_bodies_cleaned") }}
        group by article_id

    ),

    files_left as (

        select
            article_id,
            string_agg(
                '[File not transferred: '
                || file_name
                || coalesce(', ' || size_bytes || ' bytes', '')
                || ', '
                || case
                    exclusion_code
                    when 'file_over_size_limit'
                    then 'larger than the limit'
                    else 'missing in OTRS'
                end
                || ']',
                chr(10)
                order by article_position
            ) as notice
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

    texts as (

        select
            authored.article_id,
            authored.part_type,
            authored.named_author,
            articles.plain_body,
            case
                when trim(articles.plain_body, ' ' || chr(9) || chr(10) || chr(13)) = ''
                then '(no text)'
                else articles.plain_body
            end as plain_text,
            nullif(html_bodies.body_html, '') as body_html,
            html_bodies.error as html_error,
            files_left.notice,
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
        left join html_bodies on authored.article_id = html_bodies.article_id
        left join files_left on authored.article_id = files_left.article_id
        left join files on authored.article_id = files.article_id

    )

select
    article_id,
    0::bigint as piece,
    part_type,
    case when part_type = 'contact_comment' then 'text' else 'html' end as body_format,
    case
        when part_type = 'contact_comment'
        then concat_ws(chr(10) || chr(10), plain_text, notice)
        else
            concat_ws(
                '',
                '<p><i>' || {{ escape_html("named_author") }} || '</i></p>',
                coalesce(body_html, {{ text_to_html("plain_text") }}),
                {{ text_to_html("notice") }}
            )
    end as body,
    file_names,
    html_error,
    content_hash
from texts
