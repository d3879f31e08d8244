-- Source = loaded-to-be + excluded, per object, in records and for files in bytes.
with
    sources as (

        select source_table, count(*) as source_records, coalesce(sum(bytes), 0) as source_bytes
        from {{ ref("source_records") }}
        group by source_table

    ),

    placements as (

        select
            source_table,
            count(*) filter (where place = 'request') as loaded_records,
            count(*) filter (where place = 'exclusion') as excluded_records,
            coalesce(sum(bytes) filter (where place = 'request'), 0) as loaded_bytes,
            coalesce(sum(bytes) filter (where place = 'exclusion'), 0) as excluded_bytes
        from {{ ref("placements") }}
        group by source_table

    )

select
    sources.source_table,
    sources.source_records::bigint as source_records,
    coalesce(placements.loaded_records, 0)::bigint as loaded_records,
    coalesce(placements.excluded_records, 0)::bigint as excluded_records,
    (
        sources.source_records
        - coalesce(placements.loaded_records, 0)
        - coalesce(placements.excluded_records, 0)
    )::bigint as remainder,
    sources.source_bytes::bigint as source_bytes,
    coalesce(placements.loaded_bytes, 0)::bigint as loaded_bytes,
    coalesce(placements.excluded_bytes, 0)::bigint as excluded_bytes
from sources
left join placements on sources.source_table = placements.source_table
