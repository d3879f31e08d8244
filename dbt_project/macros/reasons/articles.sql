{# For which records of articles each reason is true: `source_table, source_id, reason_code`, from the source alone. #}
{% macro exclusion_predicates_articles() %}
    select 'article' as source_table, article_id::varchar as source_id, 'ticket_not_loaded' as reason_code
    from {{ ref("stg_otrs__articles") }}
    where ticket_id in ({{ tickets_not_loaded() }})

    union all

    select 'article', articles.article_id::varchar, 'orphan_article'
    from {{ ref("stg_otrs__articles") }} as articles
    anti join {{ ref("stg_otrs__tickets") }} as tickets on articles.ticket_id = tickets.ticket_id

    union all

    select 'article_data_mime_attachment', attachments.attachment_key, 'ticket_not_loaded'
    from {{ ref("stg_otrs__article_attachments") }} as attachments
    inner join {{ ref("stg_otrs__articles") }} as articles on attachments.article_id = articles.article_id
    where articles.ticket_id in ({{ tickets_not_loaded() }})

    union all

    select 'article_data_mime_attachment', attachments.attachment_key, 'orphan_attachment'
    from {{ ref("stg_otrs__article_attachments") }} as attachments
    anti join {{ ref("stg_otrs__articles") }} as articles on attachments.article_id = articles.article_id

    union all

    select 'article_data_mime_attachment', attachments.attachment_key, 'orphan_article'
    from {{ ref("stg_otrs__article_attachments") }} as attachments
    inner join {{ ref("stg_otrs__articles") }} as articles on attachments.article_id = articles.article_id
    anti join {{ ref("stg_otrs__tickets") }} as tickets on articles.ticket_id = tickets.ticket_id

    union all

    -- the first one of its article that OTRS itself would show as the text
    (
        select 'article_data_mime_attachment', attachment_key, 'html_body'
        from {{ ref("stg_otrs__article_attachments") }}
        where
            filename in ('file-1', 'file-2', 'file-1.html')
            and content_type ilike '%text/html%'
            and coalesce(disposition, 'inline') = 'inline'
        qualify row_number() over (partition by article_id order by filename, attachment_id nulls last) = 1
    )

    union all

    (
        select 'article_data_mime_attachment', attachment_key, 'plain_body'
        from {{ ref("stg_otrs__article_attachments") }}
        where
            filename = 'file-1'
            and content_type ilike '%text/plain%'
            and coalesce(disposition, 'inline') = 'inline'
        qualify row_number() over (partition by article_id order by attachment_id nulls last) = 1
    )

    union all

    select 'article_data_mime_attachment', attachments.attachment_key, 'file_missing'
    from {{ ref("stg_otrs__article_attachments") }} as attachments
    left join
        {{ ref("stg_otrs__attachment_contents") }} as contents
        on attachments.attachment_key = contents.attachment_key
    where contents.content is null

    union all

    select 'article_data_mime_attachment', attachments.attachment_key, 'file_over_size_limit'
    from {{ ref("stg_otrs__article_attachments") }} as attachments
    inner join
        {{ ref("stg_otrs__attachment_contents") }} as contents
        on attachments.attachment_key = contents.attachment_key
    where octet_length(contents.content) > {{ var("file_size_limit") }}
{% endmacro %}
