-- One row per link of a configuration item, seen from each item that the link has.
with
    links as (

        select
            sources.link_object_name as source_object,
            links.source_key,
            targets.link_object_name as target_object,
            links.target_key,
            types.link_type_name as link_type,
            states.link_state_name as link_state,
            links.created_at
        from {{ ref("stg_otrs__links") }} as links
        inner join
            {{ ref("stg_otrs__link_objects") }} as sources on links.source_object_id = sources.link_object_id
        inner join
            {{ ref("stg_otrs__link_objects") }} as targets on links.target_object_id = targets.link_object_id
        left join {{ ref("stg_otrs__link_types") }} as types on links.link_type_id = types.link_type_id
        left join {{ ref("stg_otrs__link_states") }} as states on links.link_state_id = states.link_state_id

    ),

    seen as (

        select
            try_cast(source_key as bigint) as config_item_id,
            'to' as direction,
            link_type,
            link_state,
            target_object as other_object,
            target_key as other_id,
            created_at
        from links
        where source_object = 'ITSMConfigItem'

        union all

        select
            try_cast(target_key as bigint),
            'from',
            link_type,
            link_state,
            source_object,
            source_key,
            created_at
        from links
        where target_object = 'ITSMConfigItem'

    ),

    others as (

        select
            'Ticket' as other_object, ticket_id::varchar as other_id, ticket_number as number, title as name
        from {{ ref("stg_otrs__tickets") }}
        union all
        select 'Service', service_id::varchar, null, service_name
        from {{ ref("stg_otrs__services") }}
        union all
        select 'ITSMConfigItem', config_item_id::varchar, config_item_number, config_item_name
        from {{ ref("config_items") }}

    )

select
    seen.config_item_id,
    items.config_item_number,
    items.config_item_name,
    seen.direction,
    seen.link_type,
    seen.link_state,
    seen.other_object,
    seen.other_id,
    others.number as other_number,
    others.name as other_name,
    seen.created_at,
    case
        when items.config_item_id is null
        then 'the configuration item does not exist'
        when others.other_id is null and seen.other_object in ('Ticket', 'Service', 'ITSMConfigItem')
        then 'what it is linked to does not exist'
    end as problem
from seen
left join {{ ref("config_items") }} as items on seen.config_item_id = items.config_item_id
left join others on seen.other_object = others.other_object and seen.other_id = others.other_id
