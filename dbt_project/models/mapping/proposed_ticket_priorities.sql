-- Proposal for the mapping `ticket_priorities`: the value of the attribute `OTRS priority`.
select
    ticket_priority_id as otrs_priority_id,
    ticket_priority_name as otrs_priority,
    ticket_priority_name as attribute_value,
    'proposed' as decision,
    'as in OTRS' as reason
from {{ ref("stg_otrs__ticket_priorities") }}
