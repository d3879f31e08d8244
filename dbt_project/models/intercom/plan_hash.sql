{{ config(materialized="view", contract={"enforced": true}) }}

-- One hash over the whole plan, always of what is in the table now.
with
    lanes as (

        select
            phase,
            lane,
            md5(
                string_agg(
                    concat_ws(
                        '|',
                        slot,
                        content_hash,
                        kind,
                        method,
                        path,
                        payload::varchar,
                        on_conflict_payload::varchar,
                        creates,
                        on_absent
                    ),
                    chr(10)
                    order by position, slot
                )
            ) as lane_hash
        from {{ ref("requests") }}
        group by phase, lane

    )

select md5(coalesce(string_agg(lane_hash, '' order by phase, lane), '')) as plan_hash
from lanes
