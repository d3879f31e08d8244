with
    source as (select * from {{ source("raw_intercom", "admins") }}),

    renamed as (select id as admin_id, lower(trim(email)) as email, name as admin_name from source)

select *
from renamed
