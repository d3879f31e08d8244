{{ config(materialized="view", tags=["verify"]) }}

-- What is not as it was sent, for a reason that has a name.
select
    verified.object,
    verified.object_key,
    verified.part_key,
    verified.intercom_id,
    verified.field,
    verified.status,
    verified.rule,
    rules.sentence,
    verified.expected,
    verified.actual
from {{ ref("verification") }} as verified
left join {{ ref("verification_rules") }} as rules on verified.rule = rules.rule
where verified.status != 'identical' and verified.rule is not null
