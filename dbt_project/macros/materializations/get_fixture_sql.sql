{# Rows that a unit test gives, as SQL. dbt's own macro writes every column into every row, with a macro call for each:
   for tables as wide as those of OTRS that is most of a unit test's time. Here the types stand once, and a row names
   only what it gives. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) %}
    {%- set types = {} -%}
    {%- set quoted = {} -%}
    {%- for column in adapter.get_columns_in_relation(this) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- do quoted.update({column.name | lower: column.quoted}) -%}
    {%- endfor -%}
    {%- if not types -%}
        {{
            exceptions.raise_compiler_error(
                "No columns for the unit test's input " ~ this ~ ": build it first."
            )
        }}
    {%- endif -%}
    select
        {% for name, type in types.items() %}
            null::{{ type }} as {{ quoted[name] }}{% if not loop.last %},{% endif %}
        {% endfor %}
    where false
    {% for row in rows %}
        union all by name
        select
            {% for name, value in format_row(row, types).items() %}
                {{ value }} as {{ quoted[name] }}{% if not loop.last %},{% endif %}
            {% endfor %}
    {% endfor %}
{% endmacro %}
