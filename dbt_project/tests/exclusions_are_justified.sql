-- Each reason proves itself from the source, independently of the model that excluded: a record that stays
-- behind without its reason being true, a reason without a sentence, and a sentence that nothing proves.
{% set predicates = [
    exclusion_predicates_articles(),
    exclusion_predicates_tickets(),
    exclusion_predicates_fields(),
    exclusion_predicates_people(),
    exclusion_predicates_inventory(),
] %}
with
    exclusions as (select * from {{ ref("exclusions") }}),

    proofs as (
        {% for predicate in predicates %}
            select source_table, source_id, reason_code
            from ({{ predicate }})
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )

select
    exclusions.source_table,
    exclusions.source_id,
    exclusions.reason_code,
    'the reason is not true' as complaint
from exclusions
anti join
    proofs
    on exclusions.source_table = proofs.source_table
    and exclusions.source_id = proofs.source_id
    and exclusions.reason_code = proofs.reason_code

union all

select distinct source_table, null, reason_code, 'the reason has no sentence in the seed exclusion_reasons'
from exclusions
where reason is null and reason_code is not null

union all

-- the text of the predicates themselves
select null, null, reason_code, 'no predicate proves this reason'
from {{ ref("exclusion_reasons") }}
where not contains($predicates${{ predicates | join(" ") }}$predicates$, '''' || reason_code || '''')
