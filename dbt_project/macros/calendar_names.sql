{# Names of the numbered calendars of working hours. #}
{% macro calendar_names() %}
    select regexp_extract(setting_name, '^TimeZone::Calendar([0-9]+)Name$', 1) as calendar_number, value
    from {{ ref("int_settings_effective") }}
    where regexp_full_match(setting_name, 'TimeZone::Calendar[0-9]+Name')
{% endmacro %}
