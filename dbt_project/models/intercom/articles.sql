-- Draft articles of the help centre: one per service that is to have one.
with
    services as (select * from {{ ref("inventory_services") }}),

    collections as (select * from {{ ref("collections") }}),

    agreements as (

        select
            services.service_id,
            string_agg(
                '<li>'
                || {{ escape_html("coalesce(sla.value ->> '$.name', '')") }}
                || coalesce(
                    ': ' || nullif(
                        concat_ws(
                            ', ',
                            'first response within '
                            || nullif(sla.value ->> '$.first_response_minutes', '0')
                            || ' minutes',
                            'update within ' || nullif(sla.value ->> '$.update_minutes', '0') || ' minutes',
                            'solution within '
                            || nullif(sla.value ->> '$.solution_minutes', '0')
                            || ' minutes'
                        ),
                        ''
                    ),
                    ''
                )
                || '</li>',
                ''
                order by sla.key::integer
            ) as html
        from services, json_each(services.slas) as sla
        where sla.value ->> '$.is_valid' = 'true'
        group by services.service_id

    ),

    -- the collection of the service itself, else the nearest one above it
    homes as (

        select services.service_id, collections.collection_key
        from services
        inner join
            collections
            on services.service_id = collections.otrs_service_id
            or collections.level = 1
            or exists (
                select 1
                from services as above
                where
                    above.service_id = collections.otrs_service_id
                    and starts_with(services.path, above.path || '::')
            )
        qualify row_number() over (partition by services.service_id order by collections.level desc) = 1

    )

select
    'otrs:service:' || services.service_id as article_key,
    services.service_id as otrs_service_id,
    services.article_title as title,
    concat(
        {{ text_to_html("coalesce(nullif(trim(services.remark), ''), services.name)") }},
        '<p>Service in OTRS: ' || {{ escape_html("replace(services.path, '::', ' › ')") }} || '</p>',
        '<p>Type: ' || {{ escape_html("services.type") }} || '</p>',
        '<p>Criticality: ' || {{ escape_html("services.criticality") }} || '</p>',
        '<p>Service level agreements:</p><ul>' || agreements.html || '</ul>'
    ) as body,
    homes.collection_key,
    (select try_cast(max(admin_id) as bigint) from {{ ref("stg_intercom__me") }}) as author_id,
    'draft' as state,
    md5(
        json_array(
            services.path, services.remark, services.type, services.criticality, services.slas
        )::varchar
    ) as otrs_hash
from services
left join agreements on services.service_id = agreements.service_id
left join homes on services.service_id = homes.service_id
where services.target = 'article'
