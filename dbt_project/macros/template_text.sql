{# A text of OTRS that may be HTML as plain text. Placeholders such as <OTRS_TICKET_Title> look like elements and
   are kept. Only tables may use it. #}
{% macro template_text(text, content_type) -%}
    case
        when {{ content_type }} ilike '%html%'
        then html_text(regexp_replace({{ text }}, '<((?:OTRS|OTOBO|ZNUNY)_[^<>]*)>', '&lt;\1&gt;', 'g')).value
        else {{ text }}
    end
{%- endmacro %}
