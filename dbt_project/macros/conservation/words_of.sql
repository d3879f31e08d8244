{# The different words of a plain text, in lower case. #}
{% macro words_of(text) -%}
    list_distinct(
        regexp_extract_all(
            regexp_replace(
                regexp_replace(lower({{ text }}), 'https?://[^\s<>"]*|mailto:[^\s<>"]*', ' ', 'g'),
                '[\x{ad}\x{200b}-\x{200d}\x{feff}]',
                '',
                'g'
            ),
            '[\pL\pN]+'
        )
    )
{%- endmacro %}
