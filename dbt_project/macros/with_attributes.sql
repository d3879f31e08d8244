{# A payload without the fields that are null, and with custom attributes of which null says: empty it. #}
{% macro with_attributes(object, custom_attributes) -%}
    (
        left({{ without_nulls(object) }}::varchar, -1)
        || ',"custom_attributes":'
        || coalesce({{ custom_attributes }}, '{}'::json)::varchar
        || '}'
    )::json
{%- endmacro %}
