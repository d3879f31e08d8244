-- Attributes that must exist before the first record that uses them.
{% for model in ["contact", "company", "conversation"] %}
    select model, name, data_type, description, options
    from {{ ref("int_" ~ model ~ "_attribute_definitions") }}
    union all
{% endfor %}
select model, name, data_type, description, options
from {{ ref("int_dynamic_field_definitions") }}
where model = 'conversation'
