-- One request per company.
with
    company_requests as (

        select
            'company/' || company_key as slot,
            {{ content_hash(["company_id", "name", "website", unix_seconds("remote_created_at")]) }}
            as content_hash,
            2 as phase,
            'company/' || company_key as lane,
            0::bigint as position,
            'company.upsert' as kind,
            'POST' as method,
            '/companies' as path,
            {{
                without_nulls(
                    "json_object('company_id', company_id, 'name', name, 'website', website,"
                    " 'remote_created_at', " ~ unix_seconds("remote_created_at") ~ ")"
                )
            }} as payload,
            null::json as on_conflict_payload,
            'company/' || company_key as creates,
            'report' as on_absent,
            'customer_company' as source_table,
            company_id as source_id
        from {{ ref("companies") }}

    )

select *
from company_requests
