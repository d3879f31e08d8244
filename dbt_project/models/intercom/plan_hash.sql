{{ config(materialized="view", contract={"enforced": true}) }}

-- One hash over the whole plan, always of what is in the table now. The hashes of the rows are added up
-- bit by bit, so it takes no memory to speak of, however many rows there are; no row is twice, since
-- slots are unique.
with
    hashed as (

        select
            md5_number(
                json_array(
                    phase,
                    lane,
                    position,
                    slot,
                    content_hash,
                    kind,
                    method,
                    path,
                    payload::varchar,
                    on_conflict_payload::varchar,
                    creates,
                    on_absent
                )::varchar
            ) as row_hash
        from {{ ref("requests") }}

    )

select md5(concat_ws('|', count(*), bit_xor(row_hash))) as plan_hash
from hashed
