{# A text as long as an attribute of a contact or a company may be; what is cut ends in an ellipsis. #}
{% macro cut_text(text) -%}
    case
        when length({{ text }}) > {{ var("text_limit") }}
        then left({{ text }}, {{ var("text_limit") - 1 }}) || '…'
        else {{ text }}
    end
{%- endmacro %}
