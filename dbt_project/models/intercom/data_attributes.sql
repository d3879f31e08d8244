-- Attributes that must exist before the first record that uses them.
{% for model in ["contact", "company", "conversation"] %}
    select model, name, data_type, description, options
    from {{ ref("int_" ~ model ~ "_attribute_definitions") }}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
