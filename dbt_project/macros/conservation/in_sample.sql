{# Ends a query with the sample of its rows that is compared field by field (variable `fields_sample`, 0 = all): chosen by
   a hash of the key, so that it is the same in every build, and spread over all years. #}
{% macro in_sample(key) -%}
    {% if var("fields_sample") > 0 %}
        qualify row_number() over (order by md5({{ key }}::varchar), {{ key }}) <= {{ var("fields_sample") }}
    {% endif %}
{%- endmacro %}
