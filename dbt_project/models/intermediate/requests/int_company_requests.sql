-- One request per company. An attribute that OTRS leaves empty is null: a company that was made here
-- loses the value that it had, a new one and one that is adopted are sent without it.
with
    attributes as (select * from {{ ref("company_attributes") }}),

    definitions as (select distinct name from {{ ref("int_company_attribute_definitions") }}),

    companies as (select * from {{ ref("companies") }}),

    filled as (

        select
            company_key,
            to_json(map(list(name order by name), list(value order by name))) as custom_attributes,
            list(json_array(name, otrs_value) order by name) filter (otrs_value is not null) as otrs_values
        from attributes
        group by company_key

    ),

    all_of_them as (

        select
            companies.company_key,
            to_json(
                map(
                    list(definitions.name order by definitions.name),
                    list(coalesce(attributes.value, 'null'::json) order by definitions.name)
                )
            ) as custom_attributes
        from companies
        cross join definitions
        left join
            attributes
            on companies.company_key = attributes.company_key
            and definitions.name = attributes.name
        group by companies.company_key

    ),

    company_requests as (

        select
            'company/' || companies.company_key as slot,
            {{
                content_hash(
                    [
                        "companies.company_id",
                        "companies.name",
                        "companies.website",
                        unix_seconds("companies.remote_created_at"),
                        "filled.otrs_values",
                    ]
                )
            }} as content_hash,
            2 as phase,
            'company/' || companies.company_key as lane,
            0::bigint as position,
            'company.upsert' as kind,
            'POST' as method,
            '/companies' as path,
            {{
                with_attributes(
                    "json_object('company_id', companies.company_id, 'name', companies.name,"
                    " 'website', companies.website, 'remote_created_at', "
                    ~ unix_seconds("companies.remote_created_at")
                    ~ ")",
                    "all_of_them.custom_attributes",
                )
            }} as payload,
            json_object(
                'custom_attributes', coalesce(filled.custom_attributes, '{}'::json)
            ) as on_conflict_payload,
            'company/' || companies.company_key as creates,
            'report' as on_absent,
            'customer_company' as source_table,
            companies.company_id as source_id
        from companies
        left join filled on companies.company_key = filled.company_key
        left join all_of_them on companies.company_key = all_of_them.company_key

    )

select *
from company_requests
