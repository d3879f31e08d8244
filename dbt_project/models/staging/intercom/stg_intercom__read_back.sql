with
    source as (select * from {{ source("raw_intercom", "read_back") }}),

    renamed as (select object, intercom_id, is_found, read_at, data::json as data from source)

select *
from renamed
