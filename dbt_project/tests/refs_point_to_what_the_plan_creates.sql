-- A reference names an object that an earlier phase, or a lower position of the same lane, creates.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    requests as (select * from {{ ref("requests") }}),

    refs as (

        select slot, phase, lane, position, unnest(regexp_extract_all(path, '\{([^}]+)\}', 1)) as object_key
        from requests

        union all

        select slot, phase, lane, position, ref
        from
            (
                select
                    slot,
                    phase,
                    lane,
                    position,
                    unnest(
                        [
                            payload ->> '$.from.id."$ref"',
                            payload ->> '$.intercom_user_id."$ref"',
                            payload ->> '$.customer.intercom_user_id."$ref"',
                            payload ->> '$.id."$ref"',
                            payload ->> '$.company_id."$ref"',
                            payload ->> '$.parent_id."$ref"'
                        ]
                    ) as ref
                from requests
            )
        where ref is not null

    )

select refs.*
from refs
left join
    requests as targets
    on refs.object_key = targets.creates
    and (
        targets.phase < refs.phase
        or (targets.phase = refs.phase and targets.lane = refs.lane and targets.position < refs.position)
    )
where targets.slot is null
