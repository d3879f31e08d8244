{# Proves, from the source and the mapping alone, why a ticket stays behind. #}
{% macro exclusion_predicates_tickets() %}
    select
        'ticket' as source_table, tickets.ticket_id::varchar as source_id, 'ticket_not_loaded' as reason_code
    from {{ ref("stg_otrs__tickets") }} as tickets
    inner join {{ ref("ticket_states") }} as decisions on tickets.ticket_state_id = decisions.otrs_state_id
    where decisions.intercom_state = 'not_loaded'
{% endmacro %}
