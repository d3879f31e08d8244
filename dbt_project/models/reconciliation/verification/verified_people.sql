-- Contacts and companies as they are wanted beside what Intercom answers, field by field. What was
-- adopted keeps its own name, address and the like; only the attributes that we gave it are ours.
with
    targets as (

        select
            targets.object,
            targets.object_key,
            targets.intercom_id,
            targets.is_of_selection,
            coalesce(answers.is_found, false) as is_found,
            answers.data
        from {{ ref("stg_intercom__read_back_targets") }} as targets
        left join
            {{ ref("stg_intercom__read_back") }} as answers
            on targets.object = answers.object
            and targets.intercom_id = answers.intercom_id
        where targets.object in ('contact', 'company')

    ),

    receipts as (select * from {{ ref("stg_ledger__receipts") }}),

    ids as (select creates as object_key, intercom_id from receipts where creates is not null),

    contacts as (

        select
            contacts.*,
            targets.object_key,
            targets.intercom_id,
            targets.is_found,
            targets.data,
            contacts.kept_content_hash is null as is_known,
            case when receipts.outcome = 'adopted' then 'adopted_keeps_its_own' end as adopted
        from targets
        inner join {{ ref("contacts") }} as contacts on targets.object_key = contacts.contact_key
        left join receipts on 'contact/' || contacts.contact_key = receipts.slot
        where targets.object = 'contact'

    ),

    contact_fields as (

        select
            object_key,
            intercom_id,
            {{
                compared(
                    [
                        ["exists", "'exists'", "case when is_found then 'exists' end"],
                        ["role", "role", "data ->> '$.role'", "adopted", "is_found and is_known"],
                        [
                            "external_id",
                            "external_id",
                            "data ->> '$.external_id'",
                            "adopted",
                            "is_found and is_known",
                        ],
                        [
                            "email",
                            "email",
                            "data ->> '$.email'",
                            "case when lower(email) = lower(data ->> '$.email') then 'address_in_another_case'"
                            " else adopted end",
                            "is_found and is_known",
                        ],
                        ["name", "name", "data ->> '$.name'", "adopted", "is_found and is_known"],
                        [
                            "phone",
                            "phone",
                            "data ->> '$.phone'",
                            "case when regexp_replace(phone, '[^0-9]', '', 'g')"
                            " = regexp_replace(data ->> '$.phone', '[^0-9]', '', 'g')"
                            " then 'phone_written_otherwise' else adopted end",
                            "is_found and is_known",
                        ],
                        [
                            "signed_up_at",
                            unix_seconds("signed_up_at"),
                            "data ->> '$.signed_up_at'",
                            "adopted",
                            "is_found and is_known",
                        ],
                    ]
                )
            }}
        from contacts

    ),

    companies as (

        select
            companies.*,
            targets.object_key,
            targets.intercom_id,
            targets.is_found,
            targets.data,
            case when receipts.outcome = 'adopted' then 'adopted_keeps_its_own' end as adopted,
            members.company_key is not null as has_people
        from targets
        inner join {{ ref("companies") }} as companies on targets.object_key = companies.company_key
        left join receipts on 'company/' || companies.company_key = receipts.slot
        left join
            (select distinct company_key from {{ ref("contact_companies") }}) as members
            on companies.company_key = members.company_key
        where targets.object = 'company'

    ),

    company_fields as (

        select
            object_key,
            intercom_id,
            {{
                compared(
                    [
                        [
                            "exists",
                            "'exists'",
                            "case when is_found then 'exists' end",
                            "case when intercom_id is not null and not has_people"
                            " then 'company_without_people_is_hidden' end",
                        ],
                        ["company_id", "company_id", "data ->> '$.company_id'", "", "is_found"],
                        ["name", "name", "data ->> '$.name'", "adopted", "is_found"],
                        ["website", "website", "data ->> '$.website'", "adopted", "is_found"],
                        [
                            "remote_created_at",
                            unix_seconds("remote_created_at"),
                            "data ->> '$.remote_created_at'",
                            "adopted",
                            "is_found",
                        ],
                    ]
                )
            }}
        from companies

    ),

    found as (

        select 'contact' as object, object_key, intercom_id, data, adopted
        from contacts
        where is_found and is_known
        union all
        select 'company', object_key, intercom_id, data, adopted
        from companies
        where is_found

    ),

    attributes_wanted as (

        select 'contact' as object, contact_key as object_key, name, value ->> '$' as value
        from {{ ref("contact_attributes") }}
        union all
        select 'company', company_key, name, value ->> '$'
        from {{ ref("company_attributes") }}

    ),

    attributes_found as (

        select object, object_key, key as name, value ->> '$' as value
        from (select object, object_key, {{ attributes_of("data") }} from found)
        where value ->> '$' is not null

    ),

    attribute_fields as (

        select
            found.object,
            found.object_key,
            found.intercom_id,
            'attribute ' || compared.name as field,
            compared.expected,
            compared.actual,
            case
                when compared.expected is not null
                then {{ value_rule("compared.expected", "compared.actual") }}
                when definitions.name is null
                then 'attribute_of_the_workspace'
                else found.adopted
            end as rule,
            true as applies
        from
            (
                select
                    coalesce(wanted.object, actual.object) as object,
                    coalesce(wanted.object_key, actual.object_key) as object_key,
                    coalesce(wanted.name, actual.name) as name,
                    wanted.value as expected,
                    actual.value as actual
                from attributes_wanted as wanted
                full join
                    attributes_found as actual
                    on wanted.object = actual.object
                    and wanted.object_key = actual.object_key
                    and wanted.name = actual.name
            ) as compared
        inner join found on compared.object = found.object and compared.object_key = found.object_key
        left join
            {{ ref("data_attributes") }} as definitions
            on compared.object = definitions.model
            and compared.name = definitions.name

    ),

    tag_names as (

        select intercom_id, data ->> '$.name' as tag_name
        from {{ ref("stg_intercom__read_back") }}
        where object = 'tag'

    ),

    belongings_wanted as (

        select
            'contact/' || contact_key || '/company/' || company_key as slot,
            'company' as field,
            contact_key as object_key,
            coalesce(ids.intercom_id, 'not loaded: ' || company_key) as value
        from {{ ref("contact_companies") }} as companies
        left join ids on 'company/' || companies.company_key = ids.object_key
        union all
        select 'contact/' || contact_key || '/tag/' || tag_name, 'tag', contact_key, tag_name
        from {{ ref("contact_tags") }}

    ),

    belongings_found as (

        select
            'company' as field,
            object_key,
            unnest(json_extract_string(data, '$.companies.data[*].id')) as value
        from found
        where object = 'contact'
        union all
        select 'tag', tags.object_key, coalesce(tag_names.tag_name, tags.tag_id)
        from
            (
                select object_key, unnest(json_extract_string(data, '$.tags.data[*].id')) as tag_id
                from found
                where object = 'contact'
            ) as tags
        left join tag_names on tags.tag_id = tag_names.intercom_id

    ),

    belonging_fields as (

        select
            'contact' as object,
            found.object_key,
            found.intercom_id,
            compared.field,
            compared.expected,
            compared.actual,
            case
                when compared.actual is null and targets.is_of_selection and receipts.slot is null
                then 'not_selected'
                when compared.expected is null
                then found.adopted
                when compared.field = 'tag' and lower(compared.expected) = lower(compared.actual)
                then 'tag_in_another_case'
            end as rule,
            true as applies
        from
            (
                select
                    coalesce(wanted.object_key, actual.object_key) as object_key,
                    coalesce(wanted.field, actual.field) as field,
                    wanted.slot,
                    wanted.value as expected,
                    actual.value as actual
                from belongings_wanted as wanted
                full join
                    belongings_found as actual
                    on wanted.object_key = actual.object_key
                    and wanted.field = actual.field
                    and lower(wanted.value) = lower(actual.value)
            ) as compared
        inner join found on found.object = 'contact' and compared.object_key = found.object_key
        inner join targets on targets.object = 'contact' and compared.object_key = targets.object_key
        left join receipts on compared.slot = receipts.slot

    ),

    fields as (

        select 'contact' as object, *
        from contact_fields
        union all by name
        select 'company' as object, *
        from company_fields
        union all by name
        select *
        from attribute_fields
        union all by name
        select *
        from belonging_fields

    ),

    contact_verdicts as (select *, null as part_key from fields where object = 'contact'),

    company_verdicts as (select *, null as part_key from fields where object = 'company')

    {{ classified("contact", "contact_verdicts") }}
union all by name
{{ classified("company", "company_verdicts") }}
