with
    source as (select * from {{ source("raw_intercom", "contact_attributes") }}),

    renamed as (
        select
            name as attribute_name,
            data_type,
            archived as is_archived,
            data::json ->> '$.custom' = 'true' as is_custom
        from source
    )

select *
from renamed
