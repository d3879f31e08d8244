{# Key of a person known by an address only. Keys carry no personal data, so it is a hash; null for null. #}
{% macro address_key(address) -%}
    'otrs:address:' || substr(sha256(lower({{ address }})), 1, 16)
{%- endmacro %}
