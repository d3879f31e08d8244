{# Whether Intercom takes the text as an e-mail address: plain ASCII, no quoting, a domain with a dot. Anything
   else is kept as an attribute. The same rule as JSON Schema's format `email`, by which the API describes itself. #}
{% macro is_usable_address(text) -%}
    regexp_full_match(
        {{ text }},
        '[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+)*'
        || '@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?'
    )
{%- endmacro %}
