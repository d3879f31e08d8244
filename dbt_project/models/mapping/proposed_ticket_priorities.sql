-- Proposal for the mapping `ticket_priorities`: the value of the attribute `OTRS priority`.
with
    used as (

        select ticket_priority_id, count(*) as used
        from {{ ref("stg_otrs__tickets") }}
        group by ticket_priority_id

    )

select
    priorities.ticket_priority_id as otrs_priority_id,
    priorities.ticket_priority_name as otrs_priority,
    priorities.ticket_priority_name as attribute_value,
    'proposed' as decision,
    'as in OTRS' as reason,
    100 as score,
    coalesce(used.used, 0) as used
from {{ ref("stg_otrs__ticket_priorities") }} as priorities
left join used on priorities.ticket_priority_id = used.ticket_priority_id
