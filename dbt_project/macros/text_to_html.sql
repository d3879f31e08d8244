{# Plain text as HTML of one paragraph: nothing in it is markup, its lines and its indentation are kept. #}
{% macro text_to_html(text) -%}
    '<p>'
    || replace(replace(replace({{ escape_html(text) }}, chr(9), '    '), '  ', '&nbsp; '), chr(10), '<br>')
    || '</p>'
{%- endmacro %}

{% macro escape_html(text) -%}
    replace(
        replace(
            replace(replace(replace({{ text }}, chr(13) || chr(10), chr(10)), '&', '&amp;'), '<', '&lt;'),
            '>',
            '&gt;'
        ),
        '"',
        '&quot;'
    )
{%- endmacro %}
