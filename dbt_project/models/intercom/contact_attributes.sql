-- Values of attributes of contacts: what OTRS keeps of a person beside name, address and phone.
with
    contacts as (select * from {{ ref("contacts") }}),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    preferences as (select * from {{ ref("int_customer_preferences_decided") }} where reason_code is null),

    -- of one person's logins the first that has the field
    dynamic_fields as (

        select customer_users.contact_key, fields.*
        from {{ ref("int_dynamic_field_values_decided") }} as fields
        inner join customer_users on lower(fields.object_name) = lower(customer_users.login)
        where fields.object_type = 'CustomerUser' and fields.target = 'attribute'
        qualify
            rank() over (
                partition by customer_users.contact_key, fields.dynamic_field_id
                order by customer_users.precedence, fields.object_name
            )
            = 1

    ),

    customer_ids as (

        select contact_key, trim(customer_id) as customer_id, not is_primary as is_additional
        from customer_users
        union
        select customer_users.contact_key, trim(additional.customer_id), true
        from {{ ref("stg_otrs__customer_user_companies") }} as additional
        inner join customer_users on lower(additional.customer_user_login) = lower(customer_users.login)

    ),

    rows_of_primaries as (

        unpivot (
            select
                contact_key,
                customer_id as "otrs-customer-id",
                title as "otrs-title",
                phone as "otrs-phone",
                mobile as "otrs-mobile",
                fax as "otrs-fax",
                street as "otrs-street",
                postal_code as "otrs-zip",
                city as "otrs-city",
                country as "otrs-country",
                remark as "otrs-comments"
            from customer_users
            where is_primary
        )
        on * exclude (contact_key)
        into name name value otrs_value

    ),

    texts as (

        select contact_key, name, trim(otrs_value) as otrs_value
        from rows_of_primaries

        union all

        select contact_key, 'otrs-login', otrs_login
        from contacts

        union all

        select contact_key, 'otrs-email', trim(otrs_email)
        from contacts
        where email is null

        union all

        select contact_key, 'otrs-other-logins', string_agg(login, '; ' order by precedence)
        from customer_users
        where not is_primary
        group by contact_key

        union all

        select
            additional.contact_key,
            'otrs-other-customer-ids',
            string_agg(distinct additional.customer_id, '; ' order by additional.customer_id)
        from customer_ids as additional
        anti join
            customer_ids as own
            on additional.contact_key = own.contact_key
            and additional.customer_id = own.customer_id
            and not own.is_additional
        where additional.is_additional and additional.customer_id != ''
        group by additional.contact_key

        union all

        select contact_key, 'otrs-services', string_agg(distinct service_name, '; ' order by service_name)
        from {{ ref("int_customer_services_decided") }}
        group by contact_key

        union all

        select contact_key, attribute_name, preference_value
        from preferences
        where attribute_name != 'otrs-preferences'

        union all

        select
            contact_key,
            attribute_name,
            string_agg(preference_key || '=' || preference_value, '; ' order by preference_key)
        from preferences
        where attribute_name = 'otrs-preferences'
        group by contact_key, attribute_name

    ),

    united as (

        select
            contact_key,
            name,
            'string' as data_type,
            otrs_value,
            to_json({{ cut_text("otrs_value") }}) as value,
            length(otrs_value) > {{ var("text_limit") }} as is_cut
        from texts
        where otrs_value != ''

        union all

        select contact_key, 'otrs-valid', 'boolean', is_valid::varchar, to_json(is_valid), false
        from contacts
        where is_valid is not null

        union all

        -- no OTRS value of its own, so that a better reading of numbers makes nobody due
        select
            contacts.contact_key,
            'otrs-phone-valid',
            'boolean',
            null,
            to_json(contacts.phone is not null),
            false
        from contacts
        semi join
            (
                select contact_key from texts where name in ('otrs-phone', 'otrs-mobile') and otrs_value != ''
            ) as numbers
            on contacts.contact_key = numbers.contact_key

        union all

        {{ dynamic_field_attributes("dynamic_fields", "contact_key") }}

    )

select contact_key, name, data_type, otrs_value, value, is_cut
from united
