-- One request per contact, and one per membership in a company.
with
    contact_requests as (

        select
            'contact/' || contact_key as slot,
            {{
                content_hash(
                    [
                        "external_id",
                        "otrs_email",
                        "name",
                        "otrs_phone",
                        "otrs_login",
                        "otrs_customer_id",
                        unix_seconds("signed_up_at"),
                    ]
                )
            }} as content_hash,
            3 as phase,
            'contact/' || contact_key as lane,
            0::bigint as position,
            'contact.upsert' as kind,
            'POST' as method,
            '/contacts' as path,
            {{
                without_nulls(
                    "json_object('role', role, 'external_id', external_id, 'email', email, 'name', name,"
                    " 'phone', phone, 'signed_up_at', " ~ unix_seconds("signed_up_at") ~ ","
                    " 'custom_attributes', json_object('otrs-login', otrs_login,"
                    " 'otrs-customer-id', otrs_customer_id,"
                    " 'otrs-email', case when email is null then otrs_email end,"
                    " 'otrs-phone', otrs_phone))"
                )
            }} as payload,
            {{
                without_nulls(
                    "json_object('custom_attributes', json_object('otrs-login', otrs_login,"
                    " 'otrs-customer-id', otrs_customer_id, 'otrs-phone', otrs_phone))"
                )
            }} as on_conflict_payload,
            'contact/' || contact_key as creates,
            'report' as on_absent,
            source_table,
            source_id
        from {{ ref("contacts") }}

    ),

    membership_requests as (

        select
            'contact/' || contact_key || '/company/' || company_key as slot,
            {{ content_hash(["contact_key", "company_key"]) }} as content_hash,
            4 as phase,
            'contact/' || contact_key as lane,
            row_number() over (partition by contact_key order by company_key) as position,
            'contact.company' as kind,
            'POST' as method,
            '/contacts/{contact/' || contact_key || '}/companies' as path,
            json_object('id', json_object('$ref', 'company/' || company_key)) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            'customer_user' as source_table,
            contact_key as source_id
        from {{ ref("contact_companies") }}

    )

select *
from contact_requests
union all by name
select *
from membership_requests
