{{ config(materialized="view") }}

-- Records of OTRS that are not loaded, each with its reason as a sentence.
select
    placements.source_table,
    placements.source_id,
    placements.detail as reason_code,
    reasons.reason,
    placements.bytes
from {{ ref("placements") }} as placements
left join {{ ref("exclusion_reasons") }} as reasons on placements.detail = reasons.reason_code
where placements.place = 'exclusion'
