-- Where each record of customers and companies ended up.
with
    requests as (select slot from {{ ref("requests") }}),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    companies as (select * from {{ ref("companies") }}),

    -- logins in any case, the one written so first
    logins as (select lower(login) as lower_login, login, contact_key, is_valid from customer_users),

    memberships as (

        select
            additional.customer_user_login || '|' || additional.customer_id as source_id,
            logins.contact_key,
            contact_companies.company_key
        from {{ ref("stg_otrs__customer_user_companies") }} as additional
        left join logins on lower(additional.customer_user_login) = logins.lower_login
        left join companies on lower(trim(additional.customer_id)) = lower(trim(companies.company_id))
        left join
            {{ ref("contact_companies") }} as contact_companies
            on logins.contact_key = contact_companies.contact_key
            and companies.company_key = contact_companies.company_key
        qualify
            row_number() over (
                partition by additional.customer_user_login, additional.customer_id
                order by contact_companies.company_key is not null desc, logins.login
            )
            = 1

    ),

    preferences as (

        select login || '|' || preference_key as source_id, contact_key, attribute_name, reason_code
        from {{ ref("int_customer_preferences_decided") }}

    ),

    services as (select * from {{ ref("int_customer_services_decided") }}),

    subscriptions as (

        select
            subscriptions.customer_user_login || '|' || subscriptions.service_id as source_id,
            subscriptions.customer_user_login as login,
            any_value(services.contact_key) as contact_key,
            any_value(logins.contact_key) as contact_of_login,
            coalesce(any_value(known.is_valid), false) as is_valid
        from {{ ref("stg_otrs__service_customer_users") }} as subscriptions
        left join {{ ref("stg_otrs__services") }} as known on subscriptions.service_id = known.service_id
        left join
            services
            on subscriptions.customer_user_login = services.login
            and subscriptions.service_id = services.service_id
        left join logins on lower(subscriptions.customer_user_login) = logins.lower_login
        group by all

    ),

    field_decisions as (

        select
            dynamic_field_id,
            object_type,
            object_name,
            any_value(target) as target,
            any_value(attribute_name) as attribute_name,
            bool_or(value is not null) as has_value
        from {{ ref("int_dynamic_field_values_decided") }}
        where object_type in ('CustomerUser', 'CustomerCompany')
        group by all

    ),

    tags_of_fields as (

        select dynamic_field_value_id, tag_name
        from {{ ref("int_dynamic_field_values_decided") }}
        where target = 'tag'

    ),

    field_values as (

        select
            field_values.dynamic_field_value_id,
            fields.dynamic_field_id,
            fields.object_type,
            objects.object_name,
            logins.contact_key,
            companies.company_key,
            coalesce(field_values.value_text, '') = ''
            and field_values.value_integer is null
            and field_values.value_local_time is null as is_empty,
            decisions.target,
            decisions.attribute_name,
            decisions.has_value,
            tags.tag_name,
            customer_users.precedence,
            min(customer_users.precedence) filter (decisions.target is not null) over (
                partition by logins.contact_key, fields.dynamic_field_id
            ) as best_precedence
        from {{ ref("stg_otrs__dynamic_field_values") }} as field_values
        inner join
            {{ ref("stg_otrs__dynamic_fields") }} as fields
            on field_values.dynamic_field_id = fields.dynamic_field_id
        left join
            {{ ref("stg_otrs__dynamic_field_objects") }} as objects
            on field_values.object_id = objects.object_id
            and fields.object_type = objects.object_type
        left join
            logins on fields.object_type = 'CustomerUser' and lower(objects.object_name) = logins.lower_login
        left join customer_users on logins.login = customer_users.login
        left join
            companies
            on fields.object_type = 'CustomerCompany'
            and lower(trim(objects.object_name)) = lower(trim(companies.company_id))
        left join
            field_decisions as decisions
            on fields.dynamic_field_id = decisions.dynamic_field_id
            and objects.object_name = decisions.object_name
        left join tags_of_fields as tags on field_values.dynamic_field_value_id = tags.dynamic_field_value_id
        where fields.object_type in ('CustomerUser', 'CustomerCompany')
        qualify
            row_number() over (
                partition by field_values.dynamic_field_value_id
                order by
                    logins.login = objects.object_name desc, companies.company_id = objects.object_name desc
            )
            = 1

    ),

    field_places as (

        select
            *,
            case
                when object_name is null
                then 'object_name_missing'
                when object_type = 'CustomerUser' and contact_key is null
                then 'customer_row_missing'
                when object_type = 'CustomerCompany' and company_key is null
                then 'company_row_missing'
                when is_empty
                then 'field_value_empty'
                when target = 'ignore'
                then 'field_ignored_by_decision'
                when target in ('inventory', 'note')
                then 'inventory.dynamic_field_values'
                when precedence > best_precedence
                then 'value_of_another_login'
                when target = 'attribute' and not has_value
                then 'inventory.flagged_values'
            end as detail
        from field_values
        where target is not null or is_empty or coalesce(contact_key, company_key) is null

    ),

    objects as (

        select objects.object_id, objects.object_type, logins.contact_key, companies.company_key
        from {{ ref("stg_otrs__dynamic_field_objects") }} as objects
        left join
            logins on objects.object_type = 'CustomerUser' and lower(objects.object_name) = logins.lower_login
        left join
            companies
            on objects.object_type = 'CustomerCompany'
            and lower(trim(objects.object_name)) = lower(trim(companies.company_id))
        qualify
            row_number() over (
                partition by objects.object_id
                order by
                    logins.login = objects.object_name desc, companies.company_id = objects.object_name desc
            )
            = 1

    ),

    -- what each record waits for: a slot of the plan, else a place beside it
    wanted as (

        select
            'customer_user' as source_table,
            customer_user_id::varchar as source_id,
            'contact/' || contact_key as slot,
            null as place,
            null as detail
        from customer_users

        union all

        select 'customer_company', company_id, 'company/' || company_key, null, null
        from companies

        union all

        -- a company, or a CustomerID that the contact keeps as an attribute
        select
            'customer_user_customer',
            source_id,
            'contact/' || contact_key || coalesce('/company/' || company_key, ''),
            case when contact_key is null then 'exclusion' end,
            case when contact_key is null then 'customer_row_missing' end
        from memberships

        union all

        select
            'customer_preferences',
            source_id,
            case when reason_code is null then 'contact/' || contact_key end,
            case when reason_code is not null then 'exclusion' end,
            reason_code
        from preferences

        union all

        select
            'service_customer_user',
            source_id,
            case when login != '<DEFAULT>' then 'contact/' || contact_key end,
            case when contact_key is null then 'exclusion' when login = '<DEFAULT>' then 'final' end,
            case
                when login = '<DEFAULT>' and contact_key is not null
                then 'intercom.contact_attributes'
                when contact_key is not null
                then null
                when login != '<DEFAULT>' and contact_of_login is null
                then 'customer_row_missing'
                when not is_valid
                then 'service_not_valid'
                else 'default_service_unused'
            end
        from subscriptions

        union all

        select
            'dynamic_field_obj_id_name',
            object_id::varchar,
            case
                when object_type = 'CustomerUser'
                then 'contact/' || contact_key
                when object_type = 'CustomerCompany'
                then 'company/' || company_key
            end,
            case when coalesce(contact_key, company_key) is null then 'exclusion' end,
            case
                when coalesce(contact_key, company_key) is not null
                then null
                when object_type = 'CustomerUser'
                then 'customer_row_missing'
                when object_type = 'CustomerCompany'
                then 'company_row_missing'
                else 'name_of_an_unknown_object'
            end
        from objects

        union all

        select
            'dynamic_field_value',
            dynamic_field_value_id::varchar,
            case
                when detail is not null
                then null
                when target = 'tag' and object_type = 'CustomerUser'
                then 'contact/' || contact_key || '/tag/' || tag_name
                when object_type = 'CustomerUser'
                then 'contact/' || contact_key
                else 'company/' || company_key
            end,
            case
                when detail is null then null when detail like 'inventory.%' then 'inventory' else 'exclusion'
            end,
            detail
        from field_places

    )

select
    wanted.source_table,
    wanted.source_id,
    coalesce(wanted.place, 'request') as place,
    coalesce(wanted.detail, requests.slot) as detail,
    null::bigint as bytes
from wanted
left join requests on wanted.slot = requests.slot
where wanted.detail is not null or requests.slot is not null
