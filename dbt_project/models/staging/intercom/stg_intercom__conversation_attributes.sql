with
    source as (select * from {{ source("raw_intercom", "conversation_attributes") }}),

    renamed as (

        select id as attribute_id, name as attribute_name, data_type, archived as is_archived from source

    )

select *
from renamed
