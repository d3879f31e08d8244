with
    source as (select * from {{ source("raw_otrs", "xml_storage") }}),

    renamed as (

        select
            -- ids
            xml_type,
            xml_key,

            -- text
            replace(xml_content_key, '[0]{''otobo_stats''}', '[0]{''otrs_stats''}') as value_path,
            xml_content_value as value

        from source

    )

select *
from renamed
