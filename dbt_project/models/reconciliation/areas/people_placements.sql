with
    requests as (select slot from {{ ref("requests") }}),

    placed as (

        select
            'customer_user' as source_table,
            identities.otrs_customer_user_id::varchar as source_id,
            'request' as place,
            requests.slot as detail,
            null::bigint as bytes
        from {{ ref("contact_identities") }} as identities
        inner join requests on 'contact/' || identities.contact_key = requests.slot

        union all

        select 'customer_company', companies.company_id, 'request', requests.slot, null
        from {{ ref("companies") }} as companies
        inner join requests on 'company/' || companies.company_key = requests.slot

    )

select *
from placed
