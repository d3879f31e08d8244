{# The columns together identify a row: none of them is null and no two rows share them. One test for what
   would else be a `unique` and several `not_null`: a build has hundreds of them. #}
{% test is_key(model, columns) %}

    select {{ columns | join(", ") }}, count(*) as times
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}

{% endtest %}
