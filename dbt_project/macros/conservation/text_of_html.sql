{# HTML as plain text: emphasis and links do not part a word, all other elements do. #}
{% macro text_of_html(html) -%}
    replace(
        replace(
            replace(
                replace(
                    replace(
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(
                                    {{ html }},
                                    '(?is)<(style|script|head|title)\b.*?</(style|script|head|title)>|<!--.*?-->',
                                    ' ',
                                    'g'
                                ),
                                '(?i)</?(b|strong|i|em|a|code|span|font|u)\b[^<>]*>',
                                '',
                                'g'
                            ),
                            '<[^<>]*>',
                            ' ',
                            'g'
                        ),
                        '&nbsp;',
                        ' '
                    ),
                    '&lt;',
                    '<'
                ),
                '&gt;',
                '>'
            ),
            '&quot;',
            '"'
        ),
        '&amp;',
        '&'
    )
{%- endmacro %}
