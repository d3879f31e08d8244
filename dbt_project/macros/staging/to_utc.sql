{# OTRS keeps local times of one zone without an offset. The zone was found out by the extract. The subquery is
   evaluated once for a query, not for each row: measured, it costs no more than the zone written out.
   A local time that was twice, since the clocks were put back, is taken for its second pass; `earlier_by` of
   base_otrs__first_passes corrects the rows that are known to be of the first. A local time that never was, since
   the clocks were put forward, is read as if they had not been yet: 02:30 is what they showed as 03:30. #}
{% macro to_utc(column, earlier_by=none) -%}
    {%- set time_zone = "(select time_zone from " ~ source("raw_otrs", "source_profile") ~ ")" -%}
    ({{ column }} at time zone {{ time_zone }}) at time zone 'UTC'
    {%- if earlier_by %} - coalesce({{ earlier_by }}, interval 0 second) {%- endif %}
{%- endmacro %}
