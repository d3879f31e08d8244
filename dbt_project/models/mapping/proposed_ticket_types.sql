-- Proposal for the mapping `ticket_types`: the value of the attribute `OTRS type`.
with
    used as (

        select ticket_type_id, count(*) as used from {{ ref("stg_otrs__tickets") }} group by ticket_type_id

    )

select
    types.ticket_type_id as otrs_type_id,
    types.ticket_type_name as otrs_type,
    types.ticket_type_name as attribute_value,
    'proposed' as decision,
    concat_ws('; ', 'as in OTRS', case when not types.is_valid then 'no longer valid in OTRS' end) as reason,
    100 as score,
    coalesce(used.used, 0) as used
from {{ ref("stg_otrs__ticket_types") }} as types
left join used on types.ticket_type_id = used.ticket_type_id
