with
    source as (select * from {{ source("raw_intercom", "read_back_files") }}),

    renamed as (select conversation_id, part_id, position, sha256, size, problem from source)

select *
from renamed
