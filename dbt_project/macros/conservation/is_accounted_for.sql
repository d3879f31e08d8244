{# A condition that leaves out tables which no area accounts for yet: variable `tables_not_placed_yet`. It is true for
   all of them once the variable is gone. #}
{% macro is_accounted_for(column) -%}
    {% set tables = var("tables_not_placed_yet", []) -%}
    {% if tables %} {{ column }} not in ('{{ tables | join("', '") }}')
    {% else %} true
    {% endif %}
{%- endmacro %}
