{# Up to OTRS 5 `UserTimeZone` is a number of hours beside the server's clock, since OTRS 6 the name of a zone. OTRS
   drops the numbers when it is upgraded; here they get a name of their own. #}
{% macro preference_key() -%}
    case
        when preferences_key = 'UserTimeZone' and try_cast(preferences_value as double) is not null
        then 'UserTimeZoneOffset'
        else preferences_key
    end
{%- endmacro %}
