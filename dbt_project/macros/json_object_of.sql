{# A JSON object of a group's keys and values (both texts), in a given order: `json_group_object` keeps none. #}
{% macro json_object_of(key, value, order_by) -%}
    (
        '{' || string_agg(
            to_json({{ key }})::varchar || ': ' || coalesce(to_json({{ value }})::varchar, 'null'),
            ', '
            order by {{ order_by }}
        )
        || '}'
    )::json
{%- endmacro %}
