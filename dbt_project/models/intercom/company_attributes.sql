-- Values of attributes of companies: what OTRS keeps of a company beside its name and web address, and
-- what configuration items say of it.
with
    companies as (select * from {{ ref("companies") }}),

    customer_companies as (select * from {{ ref("stg_otrs__customer_companies") }}),

    dynamic_fields as (

        select companies.company_key, fields.*
        from {{ ref("int_dynamic_field_values_decided") }} as fields
        inner join companies on lower(trim(fields.object_name)) = lower(trim(companies.company_id))
        where fields.object_type = 'CustomerCompany' and fields.target in ('attribute', 'tag')

    ),

    attribute_fields as (select * from dynamic_fields where target = 'attribute'),

    rows_of_companies as (

        unpivot (
            select
                {{ company_key("customer_id") }} as company_key,
                street as "otrs-company-street",
                postal_code as "otrs-company-zip",
                city as "otrs-company-city",
                country as "otrs-company-country",
                remark as "otrs-company-comments",
                case when not {{ is_web_address("trim(url)") }} then url end as "otrs-company-url"
            from customer_companies
        )
        on * exclude (company_key)
        into name name value otrs_value

    ),

    texts as (

        select company_key, name, trim(otrs_value) as otrs_value, trim(otrs_value) as shown
        from rows_of_companies

        union all

        select
            company_key,
            'otrs-company-labels',
            string_agg(field_name || '=' || otrs_value, '; ' order by field_name, value_position),
            string_agg(field_label || ': ' || display_value, '; ' order by field_label, value_position)
        from dynamic_fields
        where target = 'tag'
        group by company_key

    ),

    united as (

        select
            company_key,
            name,
            'string' as data_type,
            otrs_value,
            to_json({{ cut_text("shown") }}) as value,
            length(shown) > {{ var("text_limit") }} as is_cut
        from texts
        where shown != ''

        union all

        select company_key, 'otrs-company-valid', 'boolean', is_valid::varchar, to_json(is_valid), false
        from companies
        where is_valid is not null

        union all

        {{ dynamic_field_attributes("attribute_fields", "company_key") }}

        union all

        select
            companies.company_key,
            items.attribute_name,
            items.data_type,
            items.otrs_value,
            case
                when items.data_type = 'string'
                then to_json({{ cut_text("items.value ->> '$'") }})
                else items.value
            end,
            -- whoever made the list may have shortened it already
            items.data_type = 'string'
            and items.otrs_value is distinct from {{ cut_text("items.value ->> '$'") }}
        from {{ ref("int_company_config_items") }} as items
        inner join companies on lower(trim(items.company_id)) = lower(trim(companies.company_id))

    )

select company_key, name, data_type, otrs_value, value, is_cut
from united
