with
    source as (select * from {{ source("raw_intercom", "read_back_targets") }}),

    renamed as (select object, object_key, intercom_id, is_of_selection from source)

select *
from renamed
