-- One request per contact, one per membership in a company, one per tag, and one for an address that is
-- held back until all conversations are there (`hold_emails`). An attribute that OTRS leaves
-- empty is null: a contact that was made here loses the value that it had, a new one and one that is
-- adopted are sent without it.
with
    contacts as (select * from {{ ref("contacts") }}),

    attributes as (select * from {{ ref("contact_attributes") }}),

    definitions as (select distinct name from {{ ref("int_contact_attribute_definitions") }}),

    filled as (

        select
            contact_key,
            to_json(map(list(name order by name), list(value order by name))) as custom_attributes,
            list(json_array(name, otrs_value) order by name) filter (otrs_value is not null) as otrs_values
        from attributes
        group by contact_key

    ),

    all_of_them as (

        select
            contacts.contact_key,
            to_json(
                map(
                    list(definitions.name order by definitions.name),
                    list(coalesce(attributes.value, 'null'::json) order by definitions.name)
                )
            ) as custom_attributes
        from contacts
        cross join definitions
        left join
            attributes on contacts.contact_key = attributes.contact_key and definitions.name = attributes.name
        group by contacts.contact_key

    ),

    contact_requests as (

        select
            'contact/' || contacts.contact_key as slot,
            coalesce(
                contacts.kept_content_hash,
                case when contacts.is_address_held then '{{ held_mark() }}' else '' end
                || {{
                    content_hash(
                        [
                            "contacts.external_id",
                            "contacts.otrs_email",
                            "contacts.name",
                            unix_seconds("contacts.signed_up_at"),
                            "filled.otrs_values",
                        ]
                    )
                }}
            ) as content_hash,
            3 as phase,
            'contact/' || contacts.contact_key as lane,
            0::bigint as position,
            'contact.upsert' as kind,
            'POST' as method,
            '/contacts' as path,
            {{
                with_attributes(
                    "json_object('role', contacts.role, 'external_id', contacts.external_id,"
                    " 'email', case when not contacts.is_address_held then contacts.email end, 'name', contacts.name, 'phone', contacts.phone,"
                    " 'signed_up_at', " ~ unix_seconds("contacts.signed_up_at") ~ ")",
                    "all_of_them.custom_attributes",
                )
            }}
            as payload,
            json_object(
                'custom_attributes', coalesce(filled.custom_attributes, '{}'::json)
            ) as on_conflict_payload,
            'contact/' || contacts.contact_key as creates,
            'report' as on_absent,
            contacts.source_table,
            contacts.source_id
        from contacts
        left join filled on contacts.contact_key = filled.contact_key
        left join all_of_them on contacts.contact_key = all_of_them.contact_key

    ),

    address_requests as (

        select
            'contact/' || contact_key || '/email' as slot,
            {{ content_hash(["otrs_email"]) }} as content_hash,
            8 as phase,
            'contact/' || contact_key || '/email' as lane,
            0::bigint as position,
            'contact.email' as kind,
            'PUT' as method,
            '/contacts/{contact/' || contact_key || '}' as path,
            json_object('email', email) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'keep' as on_absent,
            source_table,
            source_id
        from contacts
        where is_address_held

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
            otrs_customer_user_id::varchar as source_id
        from {{ ref("contact_companies") }}

    ),

    -- after the memberships, of which a contact has at most 1,000
    tagging_requests as (

        select
            'contact/' || contact_key || '/tag/' || tag_name as slot,
            {{ content_hash(["tag_name"]) }} as content_hash,
            4 as phase,
            'contact/' || contact_key as lane,
            1000000 + row_number() over (partition by contact_key order by tag_name) as position,
            'contact.tag' as kind,
            'POST' as method,
            '/contacts/{contact/' || contact_key || '}/tags' as path,
            json_object('id', json_object('$ref', 'tag/' || tag_name)) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            source_table,
            source_id
        from {{ ref("contact_tags") }}

    )

select *
from contact_requests
union all by name
select *
from membership_requests
union all by name
select *
from tagging_requests
union all by name
select *
from address_requests
