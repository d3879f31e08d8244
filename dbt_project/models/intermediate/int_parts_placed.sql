-- Which conversation each part goes to. A conversation takes a budget of parts; more go to a continuation.
-- What has been placed stays where the ledger says it is, and what is new follows it.
with
    parts as (select * from {{ ref("int_parts_cut") }}),

    receipts as (

        select
            regexp_extract(slot, '/part/(.+)$', 1) as part_key,
            regexp_extract(slot, '^conversation/otrs:ticket:([0-9]+)', 1)::bigint as ticket_id,
            coalesce(
                try_cast(regexp_extract(slot, '^conversation/otrs:ticket:[0-9]+:([0-9]+)/', 1) as bigint), 1
            ) as chunk
        from {{ ref("stg_ledger__receipts") }}
        where kind = 'conversation.reply' and outcome != 'rolled_back'

    ),

    -- Openings travel with their conversation, so they are in its first chunk by nature. A receipt counts for
    -- its own ticket only: an article that was moved since has no place in the other one yet.
    known as (

        select parts.*, case when parts.is_opening then 1 else receipts.chunk end as placed_chunk
        from parts
        left join receipts on parts.part_key = receipts.part_key and parts.ticket_id = receipts.ticket_id

    ),

    counted as (

        select
            *,
            max(placed_chunk) over (partition by ticket_id) as last_chunk,
            row_number() over (
                partition by ticket_id, placed_chunk is null order by ticket_position
            ) as new_number
        from known

    ),

    -- Room in each conversation; none where more was placed under a larger budget.
    rooms as (

        select
            ticket_id,
            placed_chunk as chunk,
            greatest({{ var("parts_per_conversation") }} - count(*), 0) as room
        from known
        where placed_chunk is not null
        group by all

    )

select
    counted.ticket_id,
    counted.part_key,
    counted.article_id,
    counted.piece,
    counted.first_file,
    counted.last_file,
    counted.part_type,
    counted.author_key,
    counted.is_opening,
    counted.is_synthetic,
    counted.ticket_position,
    -- `divide` is the division of integers; its operator is read as a comment by formatters
    coalesce(
        counted.placed_chunk,
        counted.last_chunk + case
            when counted.new_number <= rooms.room
            then 0
            else 1 + divide(counted.new_number - rooms.room - 1, {{ var("parts_per_conversation") }})
        end
    )::bigint as chunk
from counted
left join rooms on counted.ticket_id = rooms.ticket_id and counted.last_chunk = rooms.chunk
