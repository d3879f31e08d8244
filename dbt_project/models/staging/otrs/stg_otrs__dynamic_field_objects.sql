with
    source as (select * from {{ source("raw_otrs", "dynamic_field_obj_id_name") }}),

    renamed as (

        select
            -- ids
            object_id,

            -- text
            object_name,
            object_type

        from source

    )

select *
from renamed
