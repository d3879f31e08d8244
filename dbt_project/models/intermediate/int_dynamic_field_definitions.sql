-- Attributes that hold values of dynamic fields; only those that some object has.
with
    decided as (select * from {{ ref("int_dynamic_field_values_decided") }} where target = 'attribute'),

    fields as (select * from {{ ref("int_dynamic_fields_parsed") }}),

    models as (

        select
            case
                when decided.object_type = 'CustomerUser'
                then 'contact'
                when decided.object_type = 'CustomerCompany'
                then 'company'
                else 'conversation'
            end as model,
            decided.attribute_name,
            decided.data_type,
            decided.display_value,
            decided.dynamic_field_id
        from decided
        where
            decided.object_type in ('CustomerUser', 'CustomerCompany', 'Ticket')
            and decided.attribute_name is not null

    ),

    labels as (

        select dynamic_field_id, unnest(map_values(possible_values)) as label, 0 as rank
        from fields
        where possible_values is not null

    ),

    -- Of a list: what OTRS offers, and what tickets have beside it.
    options as (

        select models.model, lower(models.attribute_name) as name, labels.label
        from labels
        inner join
            (select distinct model, attribute_name, data_type, dynamic_field_id from models) as models
            on labels.dynamic_field_id = models.dynamic_field_id
        where models.data_type = 'list' and trim(labels.label) != ''
        union
        select model, lower(attribute_name), display_value
        from models
        where data_type = 'list'

    ),

    option_lists as (

        select model, name, to_json(list(label order by label)) as options from options group by model, name

    )

select
    models.model,
    min(models.attribute_name) as name,
    min(
        case
            -- Intercom wants two options at least.
            when models.data_type = 'list' and coalesce(json_array_length(option_lists.options), 0) < 2
            then 'string'
            when models.model = 'conversation' and models.data_type = 'date'
            then 'datetime'
            when models.model != 'conversation' and models.data_type = 'decimal'
            then 'float'
            when models.model != 'conversation' and models.data_type = 'list'
            then 'options'
            else models.data_type
        end
    ) as data_type,
    'Dynamic field of OTRS: '
    || string_agg(distinct fields.field_name, ', ' order by fields.field_name) as description,
    min(case when json_array_length(option_lists.options) >= 2 then option_lists.options end) as options
from models
left join fields on models.dynamic_field_id = fields.dynamic_field_id
left join
    option_lists on models.model = option_lists.model and lower(models.attribute_name) = option_lists.name
group by models.model, lower(models.attribute_name)
