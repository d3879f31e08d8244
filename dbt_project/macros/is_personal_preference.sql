{# Preferences of an agent that mean something outside of OTRS: how to reach him, and when. #}
{% macro is_personal_preference(column) -%}
    regexp_full_match(
        {{ column }}, 'UserEmail|UserMobile|UserLanguage|UserTimeZone|UserTimeZoneOffset|OutOfOffice.*'
    )
{%- endmacro %}
