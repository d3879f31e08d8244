{# Rows that the columns of `keys` (model to its columns) do not identify: null, or shared with another row. #}
{% macro rows_without_key(keys) %}
    {% for model, columns in keys.items() %}
        select
            '{{ model }}' as model,
            '{{ columns | join(", ") }}' as columns,
            json_array({{ columns | join(", ") }})::varchar as key
        from {{ ref(model) }}
        group by {{ columns | join(", ") }}
        having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}
{% endmacro %}
