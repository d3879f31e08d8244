{# A text of OTRS that may be HTML as plain text with its lines. Placeholders such as <OTRS_TICKET_Title> look like
   elements and are kept. Only tables may use it: `html_text` puts everything on one line, so the ends of lines are
   kept as a character that stands for nothing. #}
{% macro template_text(text, content_type) -%}
    case
        when {{ content_type }} ilike '%html%'
        then
            trim(
                regexp_replace(
                    html_text(
                        regexp_replace(
                            regexp_replace({{ text }}, '<((?:OTRS|OTOBO|ZNUNY)_[^<>]*)>', '&lt;\1&gt;', 'g'),
                            '(?i)<br\s*/?>|</(?:p|div|tr|li|h[1-6])>',
                            chr(57344),
                            'g'
                        )
                    ).value,
                    ' *' || chr(57344) || ' *',
                    chr(10),
                    'g'
                ),
                ' ' || chr(10)
            )
        else {{ text }}
    end
{%- endmacro %}
