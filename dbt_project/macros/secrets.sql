{# Parts of names of settings whose values are secrets. #}
{% macro secret_names() -%}
    {{-
        (
            "passw|passphrase|secret|token|credential|api_?key|private_?key|authheader|auth_?user"
            ~ "|user_?pw|user_?dn|database_?pw|(?:^|[^a-z])pw|pw(?:$|[^a-z])|cookie|salt"
        )
    -}}
{%- endmacro %}

{# The text of a JSON value without the parts whose names are those of secrets, and without passwords in addresses. #}
{% macro without_secrets(column) -%}
    regexp_replace(
        regexp_replace(
            {{ column }}, '("[^"]*(?:{{ secret_names() }})[^"]*"\s*:\s*)"(?:[^"\\]|\\.)+"', '\1"***"', 'gi'
        ),
        '://[^/@\s"]*:[^/@\s"]*@',
        '://***@',
        'g'
    )
{%- endmacro %}
