-- An attribute of the workspace with one of our names has our type: the API would refuse each value of
-- another. Rename or archive it in Intercom, or choose another name in the mapping.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    existing as (

        select 'contact' as model, attribute_name, data_type
        from {{ ref("stg_intercom__contact_attributes") }}
        where not is_archived
        union all
        select 'company', attribute_name, data_type
        from {{ ref("stg_intercom__company_attributes") }}
        where not is_archived
        union all
        select 'conversation', attribute_name, data_type
        from {{ ref("stg_intercom__conversation_attributes") }}
        where not is_archived

    )

select
    wanted.model,
    wanted.name,
    'is ' || existing.data_type || ' in the workspace, should be ' || wanted.data_type as problem
from {{ ref("data_attributes") }} as wanted
inner join existing on wanted.model = existing.model and lower(wanted.name) = lower(existing.attribute_name)
where
    wanted.data_type != existing.data_type
    -- read back under another name
    and not (wanted.data_type in ('date', 'datetime') and existing.data_type in ('date', 'datetime'))
    and not (wanted.data_type in ('options', 'list') and existing.data_type in ('options', 'list', 'string'))
