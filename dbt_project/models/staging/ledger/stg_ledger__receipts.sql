with
    source as (select * from {{ source("raw_ledger", "receipts") }}),

    renamed as (

        select
            -- ids
            slot,
            creates,
            intercom_id,

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
