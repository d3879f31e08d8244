with
    source as (select * from {{ source("raw_intercom", "contacts") }}),

    renamed as (

        select id as contact_id, external_id, role, lower(trim(email)) as email, name as contact_name, phone
        from source

    )

select *
from renamed
