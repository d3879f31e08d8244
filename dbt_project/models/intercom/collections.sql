-- Collections of the help centre that the service catalogue becomes: one for all of it, and one for each
-- service that has services below it. Intercom nests collections three deep: what lies deeper goes into
-- the collection above it.
with
    services as (select * from {{ ref("inventory_services") }}),

    with_article as (select path from services where target = 'article'),

    parents as (

        select services.*
        from services
        where
            services.depth <= 2
            and exists (
                select 1 from with_article where starts_with(with_article.path, services.path || '::')
            )

    ),

    levels as (

        select
            'otrs:services' as collection_key,
            null::bigint as otrs_service_id,
            'OTRS services' as name,
            null::varchar as description,
            null::varchar as parent_key,
            1 as level
        where exists (select 1 from with_article)

        union all

        select
            'otrs:service:' || parents.service_id,
            parents.service_id,
            parents.name,
            nullif(trim(parents.remark), ''),
            case
                when above.service_id is not null
                then 'otrs:service:' || above.service_id
                else 'otrs:services'
            end,
            case when above.service_id is not null then 3 else 2 end
        from parents
        left join parents as above on parents.parent_service_id = above.service_id

    )

select collection_key, otrs_service_id, name, description, parent_key, level
from levels
