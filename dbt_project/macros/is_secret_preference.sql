{# Whether a preference is a password, a key or a token by its name: it never leaves OTRS. #}
{% macro is_secret_preference(key) -%}
    regexp_matches(lower({{ key }}), 'pw|passw|secret|token|challenge|privatekey|apikey')
{%- endmacro %}
