{# For which records of fields each reason is true: `source_table, source_id, reason_code`, from the source alone. #}
{% macro exclusion_predicates_fields() %}
    select null::varchar as source_table, null::varchar as source_id, null::varchar as reason_code where false
{% endmacro %}
