-- Which conversation each part goes to. A conversation takes a budget of parts; more go to a continuation.
-- What has been placed stays where the ledger says it is, and what is new follows it.
with
    parts as (select * from {{ ref("int_parts_cut") }}),

    settled as (select * from {{ ref("int_parts_settled") }}),

    -- What each conversation holds, also of articles that are gone since. A continuation's own header
    -- does not count.
    holdings as (

        select ticket_id, chunk, count(*) filter (not (is_opening and chunk > 1)) as part_count
        from settled
        group by ticket_id, chunk

    ),

    last_holdings as (

        select * from holdings qualify row_number() over (partition by ticket_id order by chunk desc) = 1

    ),

    -- The opening is in the first conversation by nature.
    rooms as (

        select
            parts.*,
            coalesce(last_holdings.chunk, 1) as last_chunk,
            greatest({{ var("parts_per_conversation") }} - coalesce(last_holdings.part_count, 1), 0) as room,
            parts.is_opening or parts.settled_chunk is not null as is_placed
        from parts
        left join last_holdings on parts.ticket_id = last_holdings.ticket_id

    ),

    numbered as (

        select *, row_number() over (partition by ticket_id, is_placed order by ticket_position) as new_number
        from rooms

    )

select
    ticket_id,
    part_key,
    subject_key,
    article_id,
    revision,
    piece,
    first_file,
    last_file,
    part_type,
    author_key,
    is_opening,
    is_synthetic,
    is_superseded,
    content_hash,
    ticket_position,
    -- `divide` is the division of integers; its operator is read as a comment by formatters
    case
        when is_placed
        then coalesce(settled_chunk, 1)
        else
            last_chunk + case
                when new_number <= room
                then 0
                else 1 + divide(new_number - room - 1, {{ var("parts_per_conversation") }})
            end
    end::bigint as chunk
from numbered
