-- Attribute values that configuration items give to the company they belong to, one row per value: for
-- each class how many there are, and their names and numbers as far as they fit into an attribute.
with
    classes as (

        select
            general_catalog_item_id as class_id,
            general_catalog_item_name as class_name,
            lower(
                trim(regexp_replace(strip_accents(general_catalog_item_name), '[^A-Za-z0-9]+', '-', 'g'), '-')
            ) as slug
        from {{ ref("stg_otrs__general_catalog_items") }}
        where general_catalog_class = 'ITSM::ConfigItem::Class'

    ),

    named_classes as (

        select
            class_id,
            class_name,
            'otrs-ci-' || case
                when slug = '' or ends_with(slug, '-count') or count(*) over (partition by slug) > 1
                then concat_ws('-', nullif(slug, ''), class_id)
                else slug
            end as attribute_name
        from classes

    ),

    items as (

        select
            items.company_id,
            items.class_id,
            concat(coalesce(items.config_item_name, 'unnamed'), ' (', items.config_item_number, ')') as item,
            row_number() over (
                partition by items.company_id, items.class_id
                order by items.config_item_number, items.config_item_id
            ) as place
        from {{ ref("config_items") }} as items
        inner join {{ ref("config_item_classes") }} as decisions on items.class_id = decisions.otrs_class_id
        where items.company_id is not null and decisions.target = 'company_attribute'

    ),

    measured as (

        select
            *, sum(length(item) + 2) over (partition by company_id, class_id order by place) as length_so_far
        from items

    ),

    listed as (

        select
            company_id,
            class_id,
            count(*) as item_count,
            string_agg(item, ', ' order by place) as full_list,
            -- room is left for the words that say how many are missing
            string_agg(item, ', ' order by place) filter (length_so_far <= 230) as head,
            count(*) filter (length_so_far > 230) as missing,
            any_value(item) filter (place = 1) as first_item
        from measured
        group by company_id, class_id

    ),

    worded as (

        select
            listed.*,
            named_classes.class_name,
            named_classes.attribute_name,
            case
                when length(listed.full_list) <= 255
                then listed.full_list
                when listed.item_count = 1
                then left(listed.full_list, 254) || '…'
                else
                    coalesce(listed.head, left(listed.first_item, 230) || '…')
                    || ' … and '
                    || (case when listed.head is null then listed.missing - 1 else listed.missing end)
                    || ' more'
            end as shown_list
        from listed
        inner join named_classes on listed.class_id = named_classes.class_id

    )

select
    company_id,
    attribute_name,
    'string' as data_type,
    'Configuration items of the class ' || class_name || ' in OTRS' as description,
    full_list as otrs_value,
    to_json(shown_list) as value
from worded

union all

select
    company_id,
    attribute_name || '-count',
    'integer',
    'Number of configuration items of the class ' || class_name || ' in OTRS',
    item_count::varchar,
    to_json(item_count)
from worded
