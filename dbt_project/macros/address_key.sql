{# Key of a person known by an address only. Keys carry no personal data, so it is a hash; null for null. #}
{% macro address_key(address) -%}
    'otrs:address:' || substr(sha256(lower({{ address }})), 1, 16)
{%- endmacro %}

{# Key of a person known by a login only, which no customer user has. #}
{% macro login_key(login) -%} 'otrs:login:' || substr(sha256(lower({{ login }})), 1, 16) {%- endmacro %}

{# Key of a company, by its CustomerID. #}
{% macro company_key(customer_id) -%}
    'otrs:company:' || substr(sha256({{ customer_id }}), 1, 16)
{%- endmacro %}
