{# Per article, the files that its text may show as images: JSON list of pairs of content id and file name. #}
{% macro image_names(attachments) %}
    select article_id, to_json(list([content_id, file_name] order by article_position))::varchar as names
    from {{ attachments }}
    where
        not is_html_body
        and not is_plain_body
        and (coalesce(content_id, '') != '' or media_type ilike 'image/%')
    group by article_id
{% endmacro %}
