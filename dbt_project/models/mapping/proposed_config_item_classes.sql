-- Proposal for the mapping `config_item_classes`: attributes of the company where items of the class
-- belong to one.
with
    items as (

        select
            class_id,
            count(*) as items,
            count(company_id) as items_of_companies,
            count(distinct company_id) as companies
        from {{ ref("config_items") }}
        group by class_id

    )

select
    classes.class_id as otrs_class_id,
    classes.class_name as otrs_class,
    case when items.items_of_companies > 0 then 'company_attribute' else 'inventory' end as target,
    'proposed' as decision,
    case
        when items.items_of_companies > 0
        then
            items.items_of_companies
            || ' of '
            || items.items
            || ' items belong to '
            || items.companies
            || case items.companies when 1 then ' company' else ' companies' end
        when items.items > 0
        then 'none of ' || items.items || ' items belongs to a company'
        else 'the class has no items'
    end as reason,
    case when items.items > 0 then round(100 * items.items_of_companies / items.items) else 0 end::bigint
    as score,
    coalesce(items.items, 0) as used
from {{ ref("inventory_config_item_classes") }} as classes
left join items on classes.class_id = items.class_id
