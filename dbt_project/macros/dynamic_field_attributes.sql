{# Values of dynamic fields as attribute values of a contact or a company, one row per attribute. Several values of
   one field travel as one text. What the type of the attribute cannot hold has no value and no row. #}
{% macro dynamic_field_attributes(relation, key) -%}
    select
        {{ key }},
        attribute_name,
        min(data_type),
        string_agg(otrs_value, '; ' order by value_position),
        case
            when min(data_type) = 'string'
            then to_json({{ cut_text("string_agg(display_value, '; ' order by value_position)") }})
            else any_value(value)
        end,
        min(data_type) = 'string'
        and length(string_agg(display_value, '; ' order by value_position)) > {{ var("text_limit") }}
    from {{ relation }}
    where value is not null
    group by {{ key }}, attribute_name
{%- endmacro %}
