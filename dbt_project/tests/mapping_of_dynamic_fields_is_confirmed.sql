-- Every dynamic field that has values has a decision that can be carried out: attributes and tags have a
-- name,
-- contacts and companies neither take a note nor every sign in a name, and two fields share an attribute only
-- where they share its type.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
with
    fields as (select * from {{ ref("inventory_dynamic_fields") }} where value_count > 0),

    decisions as (select * from {{ ref("dynamic_fields") }}),

    judged as (

        select
            fields.field_name,
            fields.object_type,
            decisions.target,
            decisions.attribute_name,
            decisions.data_type,
            decisions.decision,
            case
                when decisions.decision is distinct from 'confirmed' or decisions.target is null
                then 'not confirmed'
                when
                    decisions.target in ('attribute', 'tag')
                    and trim(coalesce(decisions.attribute_name, '')) = ''
                then 'attributes and tags need a name in attribute_name'
                when fields.object_type = 'Article' and decisions.target = 'attribute'
                then 'a conversation has many articles: note, tag, inventory or ignore'
                when
                    fields.object_type not in ('Ticket', 'Article', 'CustomerUser', 'CustomerCompany')
                    and decisions.target not in ('inventory', 'ignore')
                then 'its objects do not go to Intercom: inventory or ignore'
                when fields.object_type in ('CustomerUser', 'CustomerCompany') and decisions.target = 'note'
                then 'contacts and companies get no note: attribute, tag, inventory or ignore'
                when
                    fields.object_type in ('CustomerUser', 'CustomerCompany')
                    and decisions.target = 'attribute'
                    and not regexp_full_match(decisions.attribute_name, '[A-Za-z0-9-]+')
                then 'names of contact and company data: letters, digits and hyphens'
                when
                    decisions.target = 'attribute'
                    and count(distinct decisions.data_type) over (
                        partition by
                            fields.object_type in ('CustomerUser', 'CustomerCompany'),
                            lower(decisions.attribute_name)
                    )
                    > 1
                then 'another field gives this attribute another type'
            end as problem
        from fields
        left join decisions on fields.dynamic_field_id = decisions.otrs_field_id

    )

select *
from judged
where problem is not null
