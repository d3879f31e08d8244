with
    source as (select * from {{ source("raw_otrs", "link_object") }}),

    renamed as (

        select
            -- ids
            id as link_object_id,

            -- text
            name as link_object_name

        from source

    )

select *
from renamed
