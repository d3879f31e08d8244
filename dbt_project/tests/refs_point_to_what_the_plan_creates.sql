-- A reference names an object that an earlier phase, or a lower position of the same lane, creates.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    requests as (select * from {{ ref("requests") }}),

    refs as (

        select slot, phase, lane, position, unnest(regexp_extract_all(path, '\{([^}]+)\}', 1)) as object_key
        from requests

        union all

        -- wherever in a payload; what has a default may be missing. In a customer's own words
        -- the quotes are escaped.
        select
            slot,
            phase,
            lane,
            position,
            unnest(
                list_transform(
                    regexp_extract_all(
                        regexp_replace(
                            payload::varchar, '\{"\$ref":\s*"[^{}]*,\s*"default":[^{}]*\}', '', 'g'
                        ),
                        '\{"\$ref":\s*("(?:[^"\\]|\\.)*")',
                        1
                    ),
                    lambda text:text::json ->> '$'
                )
            )
        from requests

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
