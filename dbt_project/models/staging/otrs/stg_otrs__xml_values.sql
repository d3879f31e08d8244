with
    source as (select * from {{ source("raw_otrs", "xml_storage") }}),

    renamed as (

        select
            -- ids
            xml_type,
            xml_key,

            -- text
            xml_content_key as value_path,
            xml_content_value as value

        from source

    )

select *
from renamed
