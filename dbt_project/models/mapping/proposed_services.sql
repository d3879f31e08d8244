-- Proposal for the mapping `services`: an article with the service's own name for each valid service,
-- with its path where two services have the same name.
with
    services as (

        select service_id, service_name, str_split(service_name, '::')[-1] as name, is_valid
        from {{ ref("stg_otrs__services") }}

    ),

    names as (

        select lower(name) as lower_name, count(*) as services
        from services
        where is_valid
        group by lower(name)

    )

select
    services.service_id as otrs_service_id,
    services.service_name as otrs_service,
    case when services.is_valid then 'article' else 'ignore' end as target,
    case
        when not services.is_valid
        then null
        when names.services > 1
        then replace(services.service_name, '::', ' – ')
        else services.name
    end as title,
    'proposed' as decision,
    case
        when not services.is_valid
        then 'the service is not valid in OTRS'
        when names.services > 1
        then 'several services have this name: the title is the path'
        else 'the name of the service'
    end as reason,
    case when names.services > 1 then 80 else 90 end as score,
    -- a valid service becomes an article whether tickets have it or not
    services.is_valid::bigint as used
from services
left join names on lower(services.name) = names.lower_name
