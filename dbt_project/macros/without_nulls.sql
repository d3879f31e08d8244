{# A JSON object without the members that are null: Intercom takes a null for "empty this field". #}
{% macro without_nulls(object) -%} json_merge_patch('{}', {{ object }}) {%- endmacro %}

{# Hash over OTRS values, in their order, null and empty told apart. #}
{% macro content_hash(values) -%} md5(json_array({{ values | join(", ") }})::varchar) {%- endmacro %}

{# Unix seconds of a UTC timestamp. #}
{% macro unix_seconds(column) -%} epoch({{ column }})::bigint {%- endmacro %}
