-- To whom a configuration item belongs: the company that its current version names, else the company of
-- the first customer it names. A company that is named and does not exist is not replaced by that of a
-- contact person.
with
    named as (

        select
            items.config_item_id,
            itemvalues.input_type,
            itemvalues.value,
            itemvalues.label,
            itemvalues.position,
            itemvalues.attribute
        from {{ ref("stg_otrs__config_items") }} as items
        inner join
            {{ ref("config_item_values") }} as itemvalues
            on items.last_config_item_version_id = itemvalues.config_item_version_id
        where
            itemvalues.input_type in ('CustomerCompany', 'Customer')
            and nullif(trim(itemvalues.value), '') is not null

    ),

    companies as (select customer_id from {{ ref("stg_otrs__customer_companies") }}),

    customers as (

        select customer_user_login, any_value(customer_id) as customer_id
        from {{ ref("stg_otrs__customer_users") }}
        group by customer_user_login

    ),

    candidates as (

        select
            named.config_item_id,
            named.input_type,
            named.value as named_value,
            named.label,
            named.position,
            named.attribute,
            case
                when named.input_type = 'Customer' then customers.customer_user_login
            end as customer_user_login,
            case
                named.input_type when 'CustomerCompany' then named.value else customers.customer_id
            end as customer_id
        from named
        left join customers on named.input_type = 'Customer' and named.value = customers.customer_user_login

    ),

    first_ones as (

        select candidates.*, companies.customer_id is not null as is_company_known
        from candidates
        left join companies on candidates.customer_id = companies.customer_id
        qualify
            row_number() over (
                partition by candidates.config_item_id
                order by
                    case candidates.input_type when 'CustomerCompany' then 1 else 2 end,
                    candidates.position,
                    candidates.attribute
            )
            = 1

    ),

    people as (

        select
            config_item_id,
            string_agg(named_value, ', ' order by position, attribute) as customer_user_logins,
            string_agg(named_value, ', ' order by position, attribute) filter (
                customer_user_login is null
            ) as unknown_logins
        from candidates
        where input_type = 'Customer'
        group by config_item_id

    )

select
    items.config_item_id,
    case when first_ones.is_company_known then first_ones.customer_id end as company_id,
    case
        when not coalesce(first_ones.is_company_known, false)
        then null
        when first_ones.input_type = 'CustomerCompany'
        then 'company named by the attribute ' || first_ones.label
        else 'company of the customer named by the attribute ' || first_ones.label
    end as found_by,
    people.customer_user_logins,
    nullif(
        concat_ws(
            '; ',
            case
                when first_ones.customer_id is not null and not first_ones.is_company_known
                then 'the company ' || first_ones.customer_id || ' does not exist'
            end,
            'no such customer: ' || people.unknown_logins
        ),
        ''
    ) as problem
from {{ ref("stg_otrs__config_items") }} as items
left join first_ones on items.config_item_id = first_ones.config_item_id
left join people on items.config_item_id = people.config_item_id
