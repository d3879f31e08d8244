-- The balance of every table, record by record: what OTRS counted, what was read, where it went, what is
-- left.
with
    tables as (
        {% for source_table, object, model, keys in conserved_tables() %}
            select
                {{ loop.index }} as position, '{{ source_table }}' as source_table, '{{ object }}' as object
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    sources as (

        select source_table, source_id, count(*) as times, coalesce(sum(bytes), 0) as bytes
        from {{ ref("source_records") }}
        group by source_table, source_id

    ),

    placements as (

        select
            source_table,
            source_id,
            count(*) as times,
            count(*) filter (where place = 'request') as request_records,
            count(*) filter (where place = 'final') as final_records,
            count(*) filter (where place = 'inventory') as inventory_records,
            count(*) filter (where place = 'exclusion') as excluded_records,
            coalesce(sum(bytes), 0) as bytes,
            coalesce(sum(bytes) filter (where place = 'request'), 0) as request_bytes,
            coalesce(sum(bytes) filter (where place in ('final', 'inventory')), 0) as kept_bytes,
            coalesce(sum(bytes) filter (where place = 'exclusion'), 0) as excluded_bytes
        from {{ ref("placements") }}
        group by source_table, source_id

    ),

    compared as (

        select
            coalesce(sources.source_table, placements.source_table) as source_table,
            coalesce(sum(sources.times), 0) as source_records,
            coalesce(sum(placements.request_records), 0) as request_records,
            coalesce(sum(placements.final_records), 0) as final_records,
            coalesce(sum(placements.inventory_records), 0) as inventory_records,
            coalesce(sum(placements.excluded_records), 0) as excluded_records,
            sum(greatest(coalesce(sources.times, 0) - coalesce(placements.times, 0), 0)) as remainder,
            sum(greatest(coalesce(placements.times, 0) - coalesce(sources.times, 0), 0)) as doubled,
            coalesce(sum(sources.bytes), 0) as source_bytes,
            coalesce(sum(placements.request_bytes), 0) as request_bytes,
            coalesce(sum(placements.kept_bytes), 0) as kept_bytes,
            coalesce(sum(placements.excluded_bytes), 0) as excluded_bytes,
            sum(abs(coalesce(sources.bytes, 0) - coalesce(placements.bytes, 0))) as wrong_bytes
        from sources
        full join
            placements
            on sources.source_table = placements.source_table
            and sources.source_id = placements.source_id
        group by all

    )

select
    tables.object,
    compared.source_table,
    compared.source_records::bigint as source_records,
    compared.request_records::bigint as request_records,
    compared.final_records::bigint as final_records,
    compared.inventory_records::bigint as inventory_records,
    compared.excluded_records::bigint as excluded_records,
    compared.remainder::bigint as remainder,
    compared.doubled::bigint as doubled,
    compared.source_bytes::bigint as source_bytes,
    compared.request_bytes::bigint as request_bytes,
    compared.kept_bytes::bigint as kept_bytes,
    compared.excluded_bytes::bigint as excluded_bytes,
    compared.wrong_bytes::bigint as wrong_bytes
from compared
left join tables on compared.source_table = tables.source_table
order by tables.position nulls first
