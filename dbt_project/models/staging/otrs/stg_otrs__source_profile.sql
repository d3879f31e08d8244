with
    source as (select * from {{ source("raw_otrs", "source_profile") }}),

    renamed as (

        select
            -- ids
            generation,

            -- text
            engine,
            engine_version,
            product,
            version,
            evidence,
            time_zone,
            time_zone_evidence,
            article_storage,
            article_storage_evidence,

            -- timestamps, UTC
            snapshot_at

        from source

    )

select *
from renamed
