-- Tags of contacts: who belongs to no company, and choices of dynamic fields with the field as namespace.
with
    -- whose row is gone keeps what he was loaded with
    contacts as (

        select *
        from {{ ref("contacts") }}
        where contact_key != 'otrs:unknown_customer' and kept_content_hash is null

    ),

    memberships as (select * from {{ ref("contact_companies") }}),

    customer_users as (select * from {{ ref("int_customer_users_merged") }}),

    -- of one person's logins the first that has the field
    choices as (

        select customer_users.contact_key, customer_users.customer_user_id, fields.tag_name
        from {{ ref("int_dynamic_field_values_decided") }} as fields
        inner join customer_users on lower(fields.object_name) = lower(customer_users.login)
        where fields.object_type = 'CustomerUser' and fields.target = 'tag'
        qualify
            rank() over (
                partition by customer_users.contact_key, fields.dynamic_field_id
                order by customer_users.precedence, fields.object_name
            )
            = 1

    )

select contact_key, '{{ var("individual_tag") }}' as tag_name, source_table, source_id
from contacts
anti join memberships on contacts.contact_key = memberships.contact_key
union all
select contact_key, tag_name, 'customer_user', min(customer_user_id)::varchar
from choices
group by contact_key, tag_name
