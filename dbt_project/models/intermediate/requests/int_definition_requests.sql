-- Attributes and tags that must exist before the first record which uses them.
with
    receipts as (select slot from {{ ref("stg_ledger__receipts") }}),

    existing_attributes as (

        select 'contact' as model, attribute_name
        from {{ ref("stg_intercom__contact_attributes") }}
        where not is_archived
        union all
        select 'company', attribute_name
        from {{ ref("stg_intercom__company_attributes") }}
        where not is_archived
        union all
        select 'conversation', attribute_name
        from {{ ref("stg_intercom__conversation_attributes") }}
        where not is_archived

    ),

    wanted_attributes as (

        select
            attributes.*,
            -- Conversations call an option's text its label, contacts and companies its value.
            to_json(
                list_transform(
                    json_extract_string(attributes.options, '$[*]'),
                    lambda option: case
                        when attributes.model = 'conversation'
                        then json_object('label', option)
                        else json_object('value', option)
                    end
                )
            ) as option_objects,
            case
                when attributes.model = 'conversation'
                then 'conversation_attribute/' || attributes.name
                else 'data_attribute/' || attributes.model || '/' || attributes.name
            end as object_key
        from {{ ref("data_attributes") }} as attributes

    ),

    attribute_requests as (

        select
            wanted.object_key as slot,
            {{ content_hash(["wanted.name", "wanted.data_type"]) }} as content_hash,
            1 as phase,
            wanted.object_key as lane,
            0::bigint as position,
            case
                when wanted.model = 'conversation'
                then 'conversation_attribute.create'
                else 'data_attribute.create'
            end as kind,
            'POST' as method,
            case
                when wanted.model = 'conversation' then '/conversations/attributes' else '/data_attributes'
            end as path,
            {{
                without_nulls(
                    "json_object('name', wanted.name, 'data_type', wanted.data_type,"
                    " 'description', wanted.description, 'options', wanted.option_objects,"
                    " 'model', case when wanted.model != 'conversation' then wanted.model end)"
                )
            }} as payload,
            null::json as on_conflict_payload,
            wanted.object_key as creates,
            'keep' as on_absent,
            'mapping' as source_table,
            wanted.name as source_id
        from wanted_attributes as wanted
        left join
            existing_attributes as existing
            on wanted.model = existing.model
            and lower(wanted.name) = lower(existing.attribute_name)
        where existing.attribute_name is null or wanted.object_key in (select slot from receipts)

    ),

    tag_requests as (

        select
            'tag/' || tag_name as slot,
            {{ content_hash(["tag_name"]) }} as content_hash,
            1 as phase,
            'tag/' || tag_name as lane,
            0::bigint as position,
            'tag.create' as kind,
            'POST' as method,
            '/tags' as path,
            json_object('name', tag_name) as payload,
            null::json as on_conflict_payload,
            'tag/' || tag_name as creates,
            'keep' as on_absent,
            source as source_table,
            tag_name as source_id
        from {{ ref("tags") }}

    )

select *
from attribute_requests
union all by name
select *
from tag_requests
