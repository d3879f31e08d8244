{# Whether Intercom takes the text as an e-mail address: plain ASCII, no quoting, a domain with a dot. Anything
   else is kept as an attribute. The same rule as JSON Schema's format `email`, by which the API describes itself. #}
{% macro is_usable_address(text) -%}
    regexp_full_match(
        {{ text }},
        '[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+)*'
        || '@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?'
    )
{%- endmacro %}

{# Whether the text is somebody's address at all, though Intercom may not take it: `root@localhost`. By this people
   are told apart: a ticket's customer who is such a text and the sender of a mail with that address are one
   person. It is looser than what Intercom takes, since From lines are read that way, too. #}
{% macro is_address(text) -%} regexp_full_match({{ text }}, '[^@\s<>,;]+@[^@\s<>,;]+') {%- endmacro %}
