with companies as (select * from {{ ref("stg_otrs__customer_companies") }})

select
    {{ company_key("customer_id") }} as company_key,
    customer_id as company_id,
    company_name as name,
    case when {{ is_web_address("trim(url)") }} then trim(url) end as website,
    is_valid,
    created_at as remote_created_at
from companies
