{# Seconds since 1970, where 0 means: none. A number that is no time becomes null instead of ending the build. #}
{% macro from_epoch(column) -%} try(make_timestamp(nullif({{ column }}, 0) * 1000000)) {%- endmacro %}
