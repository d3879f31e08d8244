{# A text as long as an attribute of a contact or a company may be; what is cut ends in an ellipsis. #}
{% macro cut_text(text) -%}
    case
        when length({{ text }}) > {{ var("attribute_length") }}
        then left({{ text }}, {{ var("attribute_length") - 1 }}) || '…'
        else {{ text }}
    end
{%- endmacro %}
