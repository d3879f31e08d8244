-- Names of attributes of contacts and companies are letters, digits and hyphens, unlike any other of
-- the two; each value has its definition; and there are not more than a workspace may have.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    wanted as (select * from {{ ref("data_attributes") }} where model in ('contact', 'company')),

    existing as (

        select lower(attribute_name) as name
        from {{ ref("stg_intercom__contact_attributes") }}
        where is_custom and not is_archived
        union
        select lower(attribute_name)
        from {{ ref("stg_intercom__company_attributes") }}
        where is_custom and not is_archived

    ),

    -- all names that the workspace will have
    needed as (

        select lower(name) as name
        from wanted
        union
        select name
        from existing

    )

select 'letters, digits and hyphens only' as problem, name
from wanted
where not regexp_full_match(name, '[A-Za-z0-9-]+')

union all

select 'two attributes of this name', lower(name)
from wanted
group by lower(name)
having count(*) > 1

union all

select 'not defined', attributes.name
from
    (
        select 'contact' as model, name
        from {{ ref("contact_attributes") }}
        union
        select 'company', name
        from {{ ref("company_attributes") }}
    ) as attributes
anti join wanted on attributes.model = wanted.model and attributes.name = wanted.name

union all

select 'more than {{ var("attribute_limit") }} attributes: ' || count(*), null
from needed
having count(*) > {{ var("attribute_limit") }}
