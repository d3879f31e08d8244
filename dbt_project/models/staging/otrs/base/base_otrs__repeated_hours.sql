-- The hours that the clocks of the OTRS time zone showed twice, because they were put back. A local time in
-- one of them is two instants. Where the clocks are never put back, as in UTC, there are none.
{{ config(materialized="table") }}

with
    profile as (select time_zone, snapshot_at from {{ source("raw_otrs", "source_profile") }}),

    days as (

        -- older than any OTRS; changes of more than a day ahead are nobody's past
        select
            time_zone,
            unnest(
                generate_series(timestamp '2000-01-01', snapshot_at + interval 1 day, interval 1 day)
            ) as day_at
        from profile

    ),

    offsets as (

        select
            time_zone,
            day_at,
            date_diff('second', day_at, (day_at at time zone 'UTC') at time zone time_zone) as utc_offset,
            lead(utc_offset) over (order by day_at) as next_utc_offset
        from days

    ),

    -- Clocks are put back on a quarter of an hour, everywhere.
    quarters as (

        select
            time_zone,
            unnest(generate_series(day_at, day_at + interval 1 day, interval 15 minute)) as quarter_at
        from offsets
        where next_utc_offset < utc_offset

    ),

    changes as (

        select
            quarter_at,
            date_diff(
                'second', quarter_at, (quarter_at at time zone 'UTC') at time zone time_zone
            ) as utc_offset,
            lag(utc_offset) over (order by quarter_at) as utc_offset_before
        from quarters

    ),

    hours as (

        select
            quarter_at as put_back_at,
            quarter_at + to_seconds(utc_offset) as starts_at,
            quarter_at + to_seconds(utc_offset_before) as ends_at,
            utc_offset_before - utc_offset as seconds
        from changes
        where utc_offset < utc_offset_before

    )

-- One row for each local day that the hour touches, to be found by the day.
select
    unnest(generate_series(starts_at::date, (ends_at - interval 1 microsecond)::date, interval 1 day))::date
    as local_day,
    starts_at as local_starts_at,
    ends_at as local_ends_at,
    put_back_at,
    seconds
from hours
