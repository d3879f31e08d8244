{# A view is replaced in one statement. dbt's own way (make another, rename twice, drop) is for databases that
   cannot; for the hundred views of this project it takes half of a build's time. #}
{% materialization view, adapter = "duckdb" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="view") -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if existing is not none and existing.is_table %} {% do adapter.drop_relation(existing) %} {% endif %}
    {% call statement("main") -%} {{ get_create_view_as_sql(target, sql) }} {%- endcall %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% macro duckdb__create_view_as(relation, sql) -%}
    {% if config.get("contract").enforced %} {{ get_assert_columns_equivalent(sql) }} {% endif %}
    create or replace view {{ relation }} as ({{ sql }});
{%- endmacro %}
