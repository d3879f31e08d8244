with
    source as (select * from {{ source("raw_ledger", "receipts") }}),

    renamed as (

        select
            -- ids
            slot,
            creates,
            intercom_id,
            receipt_id,

            -- what a message of a conversation stands for
            source_table,
            source_id,
            visibility,

            -- text
            kind,
            outcome,
            content_hash,
            payload_hash,

            -- timestamps, UTC
            received_at

        from source

    )

select *
from renamed
