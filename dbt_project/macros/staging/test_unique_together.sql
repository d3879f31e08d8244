{# Rows that share the values of all `columns` with another row: a key of several columns must have none. #}
{% test unique_together(model, columns) %}

    select {{ columns | join(", ") }}, count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1

{% endtest %}
