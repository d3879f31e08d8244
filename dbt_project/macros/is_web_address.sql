{# Whether a text can be shown as a link: http or https, or a bare host. `javascript:` and the like are none. #}
{% macro is_web_address(text) -%}
    regexp_full_match(lower({{ text }}), 'https?://[^\s<>"]+|[\w-]+(\.[\w-]+)+(:[0-9]+)?([/?#][^\s<>"]*)?')
{%- endmacro %}
