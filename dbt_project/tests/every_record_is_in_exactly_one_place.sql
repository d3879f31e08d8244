-- A source record that is nowhere is lost, one that is in two places is doubled, and a placement without a
-- source record is invented.
-- depends_on: {{ ref("conservation") }}, so that the balance can be looked at while this fails
with
    counted as (

        select source_table, source_id, count(*) as times
        from {{ ref("placements") }}
        group by source_table, source_id

    )

select
    coalesce(sources.source_table, counted.source_table) as source_table,
    coalesce(sources.source_id, counted.source_id) as source_id,
    coalesce(counted.times, 0) as times
from {{ ref("source_records") }} as sources
full join counted on sources.source_table = counted.source_table and sources.source_id = counted.source_id
where counted.times is distinct from 1 or sources.source_id is null
