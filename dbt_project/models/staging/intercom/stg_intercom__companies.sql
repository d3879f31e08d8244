with
    source as (select * from {{ source("raw_intercom", "companies") }}),

    renamed as (select id as intercom_company_id, company_id, name as company_name from source)

select *
from renamed
