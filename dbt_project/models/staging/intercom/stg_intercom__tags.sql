with
    source as (select * from {{ source("raw_intercom", "tags") }}),

    renamed as (select id as tag_id, name as tag_name from source)

select *
from renamed
