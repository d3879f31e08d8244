{# OTRS keeps local times of one zone without an offset. The zone was found out by the extract. The subquery is
   evaluated once for a query, not for each row: measured, it costs no more than the zone written out. #}
{% macro to_utc(column) -%}
    {%- set time_zone = "(select time_zone from " ~ source("raw_otrs", "source_profile") ~ ")" -%}
    ({{ column }} at time zone {{ time_zone }}) at time zone 'UTC'
{%- endmacro %}
