{# Proof of each reason for which a row of the tables of articles is not loaded, from the source alone: a row per
   table, key and reason that is true of it. #}
{% macro exclusion_predicates_articles() %}
    with
        not_loaded as (

            select tickets.ticket_id
            from {{ ref("stg_otrs__tickets") }} as tickets
            inner join
                {{ ref("ticket_states") }} as decisions on tickets.ticket_state_id = decisions.otrs_state_id
            where decisions.intercom_state = 'not_loaded'

        ),

        article_reasons as (

            select article_id, 'ticket_not_loaded' as reason_code
            from {{ ref("stg_otrs__articles") }}
            where ticket_id in (select ticket_id from not_loaded)

            union all

            select articles.article_id, 'orphan_article'
            from {{ ref("stg_otrs__articles") }} as articles
            anti join {{ ref("stg_otrs__tickets") }} as tickets on articles.ticket_id = tickets.ticket_id

        ),

        rows_of_articles as (

            select 'article' as source_table, article_id::varchar as source_id, article_id
            from {{ ref("stg_otrs__articles") }}
            union all
            select 'article_data_mime', article_mime_data_id::varchar, article_id
            from {{ ref("stg_otrs__article_mime_data") }}
            union all
            select 'article_data_otrs_chat', article_id || '|' || line_number, article_id
            from {{ ref("stg_otrs__chat_messages") }}
            union all
            select 'article_data_mime_plain', attachment_key, article_id
            from {{ ref("stg_otrs__article_plain_mails") }}
            union all
            select 'article_data_mime_attachment', attachment_key, article_id
            from {{ ref("stg_otrs__article_attachments") }}

        ),

        -- the first one of its article that OTRS itself would show as the text
        html_bodies as (

            select attachment_key, article_id
            from {{ ref("stg_otrs__article_attachments") }}
            where
                filename in ('file-1', 'file-2', 'file-1.html')
                and content_type ilike '%text/html%'
                and coalesce(disposition, 'inline') = 'inline'
            qualify
                row_number() over (partition by article_id order by filename, attachment_id nulls last) = 1

        ),

        -- visible words of the customer that go as plain text: all of them, or those of the first article
        -- only
        plain_comments as (

            select articles.article_id
            from {{ ref("stg_otrs__articles") }} as articles
            inner join
                {{ ref("stg_otrs__article_sender_types") }} as sender_types
                on articles.article_sender_type_id = sender_types.article_sender_type_id
            where
                sender_types.article_sender_type_name = 'customer'
                and articles.is_visible_for_customer
                and (
                    '{{ var("contact_comment_format") }}' = 'text'
                    or articles.article_id
                    in (select min(article_id) from {{ ref("stg_otrs__articles") }} group by ticket_id)
                )

        )

    select rows_of_articles.source_table, rows_of_articles.source_id, article_reasons.reason_code
    from rows_of_articles
    inner join article_reasons on rows_of_articles.article_id = article_reasons.article_id

    union all

    select
        source_table,
        source_id,
        case
            when source_table = 'article_data_mime_attachment'
            then 'orphan_attachment'
            else 'orphan_of_article'
        end
    from rows_of_articles
    where article_id not in (select article_id from {{ ref("stg_otrs__articles") }})

    union all

    select 'article_data_mime', texts.article_mime_data_id::varchar, 'second_text_of_article'
    from {{ ref("stg_otrs__article_mime_data") }} as texts
    where
        texts.article_id in (select article_id from {{ ref("stg_otrs__articles") }})
        and texts.article_mime_data_id not in (
            select min(article_mime_data_id) from {{ ref("stg_otrs__article_mime_data") }} group by article_id
        )

    union all

    select 'article_data_mime_plain', mails.attachment_key, 'raw_mail_of_loaded_article'
    from {{ ref("stg_otrs__article_plain_mails") }} as mails
    inner join {{ ref("stg_otrs__articles") }} as articles on mails.article_id = articles.article_id
    inner join {{ ref("stg_otrs__tickets") }} as tickets on articles.ticket_id = tickets.ticket_id
    where tickets.ticket_id not in (select ticket_id from not_loaded)

    union all

    select
        'article_data_mime_attachment',
        attachment_key,
        case
            when article_id in (select article_id from plain_comments)
            then 'html_body_of_plain_comment'
            else 'html_body'
        end
    from html_bodies

    union all

    select 'article_data_mime_attachment', attachment_key, 'plain_body'
    from {{ ref("stg_otrs__article_attachments") }}
    where
        filename = 'file-1'
        and content_type ilike '%text/plain%'
        and coalesce(disposition, 'inline') = 'inline'
    qualify row_number() over (partition by article_id order by attachment_id nulls last) = 1

    union all

    select 'article_data_mime_attachment', attachments.attachment_key, 'file_missing'
    from {{ ref("stg_otrs__article_attachments") }} as attachments
    left join
        {{ ref("stg_otrs__attachment_contents") }} as contents
        on attachments.attachment_key = contents.attachment_key
    where contents.content is null
{% endmacro %}
