-- Proposal for the mapping `dynamic_fields`, as the inventory of the fields explains it.
select
    dynamic_field_id as otrs_field_id,
    field_name as otrs_field,
    field_label as otrs_label,
    object_type as otrs_object,
    field_type as otrs_type,
    proposed_target as target,
    case when proposed_target in ('attribute', 'tag') then proposed_name end as attribute_name,
    case when proposed_target = 'attribute' then proposed_data_type end as data_type,
    proposed_decision as decision,
    proposed_reason as reason,
    proposed_score as score,
    value_count as used
from {{ ref("inventory_dynamic_fields") }}
