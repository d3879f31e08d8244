-- Proposal for the mapping `slas`: a tag named after the service level agreement.
with used as (select sla_id, count(*) as used from {{ ref("stg_otrs__tickets") }} group by sla_id)

select
    slas.sla_id as otrs_sla_id,
    slas.sla_name as otrs_sla,
    'tag' as target,
    'SLA: ' || slas.sla_name as tag_name,
    'proposed' as decision,
    concat_ws(
        '; ',
        'named as in OTRS',
        case when not slas.is_valid then 'no longer valid in OTRS' end,
        nullif(
            concat_ws(
                ', ',
                'first response ' || nullif(slas.first_response_minutes, 0) || ' min',
                'update ' || nullif(slas.update_minutes, 0) || ' min',
                'solution ' || nullif(slas.solution_minutes, 0) || ' min'
            ),
            ''
        )
    ) as reason,
    90 as score,
    coalesce(used.used, 0) as used
from {{ ref("stg_otrs__slas") }} as slas
left join used on slas.sla_id = used.sla_id
