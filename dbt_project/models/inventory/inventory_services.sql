{{ config(alias="services") }}

-- One row per service, with the agreements and the customers it has.
with
    agreements as (

        select
            links.service_id,
            count(*) as sla_count,
            string_agg(
                coalesce(slas.sla_name, 'SLA ' || links.sla_id), ', ' order by slas.sla_name
            ) as sla_names,
            to_json(
                list(
                    json_object(
                        'name',
                        slas.sla_name,
                        'first_response_minutes',
                        slas.first_response_minutes,
                        'update_minutes',
                        slas.update_minutes,
                        'solution_minutes',
                        slas.solution_minutes,
                        'calendar',
                        slas.calendar_name,
                        'is_valid',
                        slas.is_valid
                    )
                    order by slas.sla_name
                )
            ) as slas
        from {{ ref("stg_otrs__service_slas") }} as links
        left join {{ ref("stg_otrs__slas") }} as slas on links.sla_id = slas.sla_id
        group by links.service_id

    ),

    customers as (

        select
            service_id,
            count(distinct customer_user_login) filter (customer_user_login != '<DEFAULT>') as customer_count,
            bool_or(customer_user_login = '<DEFAULT>') as is_for_everybody
        from {{ ref("stg_otrs__service_customer_users") }}
        group by service_id

    ),

    tickets as (

        select service_id, count(*) as ticket_count
        from {{ ref("stg_otrs__tickets") }}
        where service_id is not null
        group by service_id

    ),

    paths as (

        select service_id, service_name, str_split(service_name, '::') as names
        from {{ ref("stg_otrs__services") }}

    )

select
    services.service_id,
    services.service_name as path,
    paths.names[-1] as name,
    nullif(array_to_string(paths.names[:-2], '::'), '') as parent_path,
    parents.service_id as parent_service_id,
    len(paths.names) as depth,
    types.general_catalog_item_name as type,
    services.criticality,
    services.remark,
    services.is_valid,
    coalesce(agreements.sla_count, 0) as sla_count,
    agreements.sla_names,
    agreements.slas,
    coalesce(customers.customer_count, 0) as customer_count,
    coalesce(customers.is_for_everybody, false) as is_for_everybody,
    coalesce(tickets.ticket_count, 0) as ticket_count,
    decisions.target,
    case
        when decisions.target = 'article' then coalesce(nullif(trim(decisions.title), ''), paths.names[-1])
    end as article_title,
    services.created_at,
    services.changed_at
from {{ ref("stg_otrs__services") }} as services
inner join paths on services.service_id = paths.service_id
left join
    {{ ref("stg_otrs__services") }} as parents
    on array_to_string(paths.names[:-2], '::') = parents.service_name
    and len(paths.names) > 1
left join
    {{ ref("stg_otrs__general_catalog_items") }} as types
    on services.service_type_id = types.general_catalog_item_id
left join agreements on services.service_id = agreements.service_id
left join customers on services.service_id = customers.service_id
left join tickets on services.service_id = tickets.service_id
left join {{ ref("services") }} as decisions on services.service_id = decisions.otrs_service_id
