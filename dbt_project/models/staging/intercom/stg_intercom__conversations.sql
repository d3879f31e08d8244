with
    source as (select * from {{ source("raw_intercom", "conversations") }}),

    renamed as (select id as conversation_id, is_found, data::json as data from source)

select *
from renamed
