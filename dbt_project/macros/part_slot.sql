{# Slot of a part: that of its conversation for the message that began it. #}
{% macro part_slot(parts) %}
    'conversation/'
    || {{ parts }}.conversation_key
    || case when {{ parts }}.is_opening then '' else '/part/' || {{ parts }}.part_key end
{% endmacro %}
