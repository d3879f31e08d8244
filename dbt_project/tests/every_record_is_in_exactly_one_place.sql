-- A source record that is nowhere is lost, one that is in two places is doubled, and a placement without a
-- source record is invented. A table whose rows nobody places shows with each of its rows.
-- depends_on: {{ ref("conservation") }}, so that the balance can be looked at while this fails
with
    sources as (

        select source_table, source_id, count(*) as times
        from {{ ref("source_records") }}
        group by source_table, source_id

    ),

    placements as (

        select
            source_table,
            source_id,
            count(*) as times,
            string_agg(distinct place || ' ' || coalesce(detail, '?'), ', ') as places
        from {{ ref("placements") }}
        group by source_table, source_id

    )

select
    coalesce(sources.source_table, placements.source_table) as source_table,
    coalesce(sources.source_id, placements.source_id) as source_id,
    coalesce(sources.times, 0) as times_in_source,
    coalesce(placements.times, 0) as times_placed,
    placements.places
from sources
full join
    placements on sources.source_table = placements.source_table and sources.source_id = placements.source_id
where
    sources.times is distinct from placements.times
    or not regexp_matches(placements.places, '^(request|final|inventory|exclusion) ')
    or contains(placements.places, ' ?')
