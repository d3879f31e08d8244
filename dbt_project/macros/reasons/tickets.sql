{# For which records of tickets each reason is true: `source_table, source_id, reason_code`, from the source alone. #}
{% macro exclusion_predicates_tickets() %}
    select 'ticket' as source_table, ticket_id::varchar as source_id, 'ticket_not_loaded' as reason_code
    from ({{ tickets_not_loaded() }})
{% endmacro %}

{# Tickets whose state a person has decided not to load. #}
{% macro tickets_not_loaded() -%}
    select tickets.ticket_id
    from {{ ref("stg_otrs__tickets") }} as tickets
    inner join {{ ref("ticket_states") }} as decisions on tickets.ticket_state_id = decisions.otrs_state_id
    where decisions.intercom_state = 'not_loaded'
{%- endmacro %}
