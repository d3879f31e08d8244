{# For which records of people each reason is true: `source_table, source_id, reason_code`, from the source alone. #}
{% macro exclusion_predicates_people() %}
    {% set logins %} (select lower(customer_user_login) from {{ ref("stg_otrs__customer_users") }}) {% endset %}
    {% set customer_ids %} (select lower(trim(customer_id)) from {{ ref("stg_otrs__customer_companies") }}) {% endset %}

    -- a row of a customer who has no row
    select
        'customer_user_customer' as source_table,
        customer_user_login || '|' || customer_id as source_id,
        'customer_row_missing' as reason_code
    from {{ ref("stg_otrs__customer_user_companies") }}
    where lower(customer_user_login) not in {{ logins }}

    union all

    select 'customer_preferences', customer_user_login || '|' || preference_key, 'customer_row_missing'
    from {{ ref("stg_otrs__customer_preferences") }}
    where lower(customer_user_login) not in {{ logins }}

    union all

    select 'service_customer_user', customer_user_login || '|' || service_id, 'customer_row_missing'
    from {{ ref("stg_otrs__service_customer_users") }}
    where customer_user_login != '<DEFAULT>' and lower(customer_user_login) not in {{ logins }}

    union all

    select
        'dynamic_field_obj_id_name',
        object_id::varchar,
        case
            when object_type = 'CustomerUser'
            then 'customer_row_missing'
            when object_type = 'CustomerCompany'
            then 'company_row_missing'
            else 'name_of_an_unknown_object'
        end
    from {{ ref("stg_otrs__dynamic_field_objects") }}
    where
        (object_type = 'CustomerUser' and lower(object_name) not in {{ logins }})
        or (object_type = 'CustomerCompany' and lower(trim(object_name)) not in {{ customer_ids }})
        or object_type not in ('CustomerUser', 'CustomerCompany')

    union all

    select
        'dynamic_field_value',
        field_values.dynamic_field_value_id::varchar,
        case
            when objects.object_id is null
            then 'object_name_missing'
            when fields.object_type = 'CustomerUser'
            then 'customer_row_missing'
            else 'company_row_missing'
        end
    from {{ ref("stg_otrs__dynamic_field_values") }} as field_values
    inner join
        {{ ref("stg_otrs__dynamic_fields") }} as fields
        on field_values.dynamic_field_id = fields.dynamic_field_id
    left join
        {{ ref("stg_otrs__dynamic_field_objects") }} as objects
        on field_values.object_id = objects.object_id
        and fields.object_type = objects.object_type
    where
        fields.object_type in ('CustomerUser', 'CustomerCompany')
        and (
            objects.object_id is null
            or (fields.object_type = 'CustomerUser' and lower(objects.object_name) not in {{ logins }})
            or (
                fields.object_type = 'CustomerCompany'
                and lower(trim(objects.object_name)) not in {{ customer_ids }}
            )
        )

    union all

    -- what must not leave OTRS, by the words in its name
    select 'customer_preferences', customer_user_login || '|' || preference_key, 'secret_of_a_customer'
    from {{ ref("stg_otrs__customer_preferences") }}
    where
        {% for word in ["pw", "passw", "secret", "token", "challenge", "privatekey", "apikey"] %}
            preference_key ilike '%{{ word }}%' {% if not loop.last %} or {% endif %}
        {% endfor %}

    union all

    -- nothing in it
    select 'customer_preferences', customer_user_login || '|' || preference_key, 'preference_empty'
    from {{ ref("stg_otrs__customer_preferences") }}
    group by customer_user_login, preference_key
    having bool_and(coalesce(trim(preference_value), '') = '')

    union all

    select 'dynamic_field_value', field_values.dynamic_field_value_id::varchar, 'field_value_empty'
    from {{ ref("stg_otrs__dynamic_field_values") }} as field_values
    where coalesce(value_text, '') = '' and value_integer is null and value_local_time is null

    union all

    -- a better login of the same person has a value of the same name
    select
        'customer_preferences',
        mine.customer_user_login || '|' || mine.preference_key,
        'value_of_another_login'
    from ({{ ranked_logins() }}) as me
    inner join
        {{ ref("stg_otrs__customer_preferences") }} as mine
        on me.lower_login = lower(mine.customer_user_login)
    where
        exists (
            select 1
            from ({{ ranked_logins() }}) as better
            inner join
                {{ ref("stg_otrs__customer_preferences") }} as theirs
                on better.lower_login = lower(theirs.customer_user_login)
            where
                better.person = me.person
                and (
                    better.rank < me.rank
                    or (better.rank = me.rank and theirs.customer_user_login < mine.customer_user_login)
                )
                and theirs.preference_key = mine.preference_key
                and trim(theirs.preference_value) != ''
        )

    union all

    select 'dynamic_field_value', mine.dynamic_field_value_id, 'value_of_another_login'
    from ({{ values_of_logins() }}) as mine
    where
        exists (
            select 1
            from ({{ values_of_logins() }}) as theirs
            where
                theirs.person = mine.person
                and theirs.dynamic_field_id = mine.dynamic_field_id
                and theirs.rank < mine.rank
        )

    union all

    -- a service that OTRS offers to nobody
    select 'service_customer_user', customer_user_login || '|' || service_id, 'service_not_valid'
    from {{ ref("stg_otrs__service_customer_users") }}
    where service_id not in (select service_id from {{ ref("stg_otrs__services") }} where is_valid)

    union all

    -- everybody has a service of his own
    select 'service_customer_user', customer_user_login || '|' || service_id, 'default_service_unused'
    from {{ ref("stg_otrs__service_customer_users") }}
    where
        customer_user_login = '<DEFAULT>'
        and not exists (
            select 1
            from ({{ ranked_logins() }}) as somebody
            where
                somebody.person not in (
                    select subscribers.person
                    from ({{ ranked_logins() }}) as subscribers
                    inner join
                        {{ ref("stg_otrs__service_customer_users") }} as own
                        on subscribers.lower_login = lower(own.customer_user_login)
                    inner join
                        {{ ref("stg_otrs__services") }} as services on own.service_id = services.service_id
                    where services.is_valid
                )
        )
{% endmacro %}

{# Logins with the person whose they are, the best first: loaded before, valid, oldest. #}
{% macro ranked_logins() -%}
    select
        lower(customer_user_login) as lower_login,
        case
            when {{ is_usable_address("trim(email)") }} then lower(trim(email)) else customer_user_id::varchar
        end as person,
        row_number() over (
            partition by
                case
                    when {{ is_usable_address("trim(email)") }}
                    then lower(trim(email))
                    else customer_user_id::varchar
                end
            order by
                'contact/otrs:customer_user:' || customer_user_id
                in (select slot from {{ ref("stg_ledger__receipts") }}) desc,
                is_valid desc,
                customer_user_id
        ) as rank
    from {{ ref("stg_otrs__customer_users") }}
{%- endmacro %}

{# Values of dynamic fields with the person whose they are. #}
{% macro values_of_logins() -%}
    select
        field_values.dynamic_field_value_id::varchar as dynamic_field_value_id,
        field_values.dynamic_field_id,
        logins.person,
        logins.rank
    from {{ ref("stg_otrs__dynamic_field_values") }} as field_values
    inner join
        {{ ref("stg_otrs__dynamic_field_objects") }} as objects
        on field_values.object_id = objects.object_id
        and objects.object_type = 'CustomerUser'
    inner join
        {{ ref("stg_otrs__dynamic_fields") }} as fields
        on field_values.dynamic_field_id = fields.dynamic_field_id
        and fields.object_type = 'CustomerUser'
    inner join ({{ ranked_logins() }}) as logins on lower(objects.object_name) = logins.lower_login
    where
        coalesce(field_values.value_text, '') != ''
        or field_values.value_integer is not null
        or field_values.value_local_time is not null
{%- endmacro %}
