-- Tags and attributes as they are wanted beside what Intercom lists. What the workspace had already keeps
-- its own description, and may have further options.
with
    receipts as (select * from {{ ref("stg_ledger__receipts") }}),

    scope as (

        select coalesce(bool_or(is_of_selection), false) as is_of_selection
        from {{ ref("stg_intercom__read_back_targets") }}

    ),

    listed as (

        select
            object,
            intercom_id,
            data,
            data ->> '$.name' as name,
            coalesce(data ->> '$.archived' = 'true', false) as is_archived
        from {{ ref("stg_intercom__read_back") }}
        where object in ('tag', 'contact_attribute', 'company_attribute', 'conversation_attribute')
        qualify
            row_number() over (
                partition by object, lower(data ->> '$.name')
                order by is_archived, len(intercom_id), intercom_id
            )
            = 1

    ),

    wanted as (

        select
            model || '_attribute' as object,
            name,
            data_type,
            description,
            json_extract_string(options, '$[*]') as options,
            case
                when model = 'conversation'
                then 'conversation_attribute/' || name
                else 'data_attribute/' || model || '/' || name
            end as slot
        from {{ ref("data_attributes") }}
        union all by name
        select 'tag' as object, tag_name as name, 'tag/' || tag_name as slot
        from {{ ref("tags") }}

    ),

    paired as (

        select
            wanted.*,
            listed.intercom_id,
            listed.name as name_found,
            listed.is_archived,
            listed.data ->> '$.data_type' as data_type_found,
            listed.data ->> '$.description' as description_found,
            list_concat(
                json_extract_string(listed.data, '$.options[*].label'),
                json_extract_string(listed.data, '$.options[*].value')
            ) as options_found,
            listed.intercom_id is not null as is_found,
            receipts.outcome is not distinct from 'created' as is_ours,
            scope.is_of_selection and receipts.slot is null as is_left_out
        from wanted
        cross join scope
        left join listed on wanted.object = listed.object and lower(wanted.name) = lower(listed.name)
        left join receipts on wanted.slot = receipts.slot

    ),

    fields as (

        select
            object,
            name as object_key,
            null as part_key,
            intercom_id,
            {{
                compared(
                    [
                        [
                            "exists",
                            "'exists'",
                            "case when is_found and not is_archived then 'exists' end",
                            "case when is_left_out then 'not_selected' end",
                        ],
                        [
                            "name",
                            "name",
                            "name_found",
                            "case when object = 'tag' then 'tag_in_another_case'"
                            " else 'attribute_name_in_another_case' end",
                            "is_found",
                        ],
                        [
                            "data_type",
                            "data_type",
                            "data_type_found",
                            "case when data_type = 'datetime' and data_type_found = 'date'"
                            " then 'datetime_is_listed_as_date'"
                            " when data_type = 'options' and data_type_found = 'string'"
                            " then 'list_is_listed_as_its_values' end",
                            "is_found and object != 'tag'",
                        ],
                        [
                            "description",
                            "description",
                            "description_found",
                            "",
                            "is_found and is_ours and object != 'tag'",
                        ],
                        [
                            "options",
                            "list_sort(options)",
                            "list_sort(options_found)",
                            "case when not is_ours and list_has_all(options_found, options)"
                            " then 'adopted_keeps_its_own' end",
                            "is_found and options is not null",
                        ],
                    ]
                )
            }}
        from paired

    )

{% for object in ["tag", "contact_attribute", "company_attribute", "conversation_attribute"] %}
    select *
    from ({{ classified(object, "fields") }} and object = '{{ object }}')
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
