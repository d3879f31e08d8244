-- What each ticket is linked with, in words, from its own side. OTRS keeps one row for both sides of a link;
-- temporary links were never made.
with
    links as (

        select links.*, link_types.link_type_name
        from {{ ref("stg_otrs__links") }} as links
        left join
            {{ ref("stg_otrs__link_types") }} as link_types on links.link_type_id = link_types.link_type_id
        left join
            {{ ref("stg_otrs__link_states") }} as link_states
            on links.link_state_id = link_states.link_state_id
        where link_states.link_state_name is distinct from 'Temporary'

    ),

    objects as (select * from {{ ref("stg_otrs__link_objects") }}),

    tickets as (select ticket_id, ticket_number from {{ ref("stg_otrs__tickets") }}),

    decided as (select ticket_id, ticket_key from {{ ref("int_tickets_decided") }} where is_loaded),

    config_items as (

        select
            items.config_item_id,
            concat_ws(' ', items.config_item_number, versions.config_item_name) as config_item
        from {{ ref("stg_otrs__config_items") }} as items
        left join
            {{ ref("stg_otrs__config_item_versions") }} as versions
            on items.last_config_item_version_id = versions.config_item_version_id

    ),

    services as (select service_id, service_name from {{ ref("stg_otrs__services") }}),

    sides as (

        {% for own, other, is_source in [("source", "target", "true"), ("target", "source", "false")] %}
            select
                {{ is_source }} as is_source,
                try_cast(links.{{ own }}_key as bigint) as ticket_id,
                links.{{ other }}_key as other_key,
                other_objects.link_object_name as other_object,
                links.link_type_name
            from links
            inner join objects as own_objects on links.{{ own }}_object_id = own_objects.link_object_id
            left join objects as other_objects on links.{{ other }}_object_id = other_objects.link_object_id
            where own_objects.link_object_name = 'Ticket'
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}

    ),

    worded as (

        select
            ticket_id,
            other_key,
            coalesce(other_object, 'unknown') as other_object,
            link_type_name,
            -- Of types without a direction it means nothing which side is which.
            case
                when link_type_name not in ('Normal', 'ConnectedTo', 'RelevantTo', 'AlternativeTo')
                then case when is_source then 'source' else 'target' end
            end as side,
            case
                when link_type_name = 'Normal'
                then 'linked with'
                when link_type_name = 'ParentChild'
                then case when is_source then 'parent of' else 'child of' end
                when link_type_name = 'DependsOn'
                then case when is_source then 'depends on' else 'required for' end
                when link_type_name = 'Includes'
                then case when is_source then 'includes' else 'part of' end
                when link_type_name = 'ConnectedTo'
                then 'connected to'
                when link_type_name = 'RelevantTo'
                then 'relevant to'
                when link_type_name = 'AlternativeTo'
                then 'alternative to'
                else
                    coalesce(link_type_name, 'unknown link')
                    || case when is_source then ' to' else ' from' end
            end as relation
        from sides

    )

select distinct
    worded.ticket_id,
    worded.link_type_name as link_type,
    worded.side,
    worded.relation,
    worded.other_object,
    worded.other_key,
    case
        when worded.other_object = 'Ticket'
        then coalesce(others.ticket_number, 'ticket ' || worded.other_key || ' (deleted)')
        when worded.other_object = 'ITSMConfigItem'
        then 'configuration item ' || coalesce(config_items.config_item, worded.other_key)
        when worded.other_object = 'Service'
        then 'service ' || coalesce(services.service_name, worded.other_key)
        else worded.other_object || ' ' || worded.other_key
    end as other_text,
    -- the ticket's first conversation
    'conversation/' || decided.ticket_key as other_conversation
from worded
semi join decided as own on worded.ticket_id = own.ticket_id
left join tickets as others on worded.other_object = 'Ticket' and worded.other_key = others.ticket_id::varchar
left join decided on others.ticket_id = decided.ticket_id
left join
    config_items
    on worded.other_object = 'ITSMConfigItem'
    and worded.other_key = config_items.config_item_id::varchar
left join services on worded.other_object = 'Service' and worded.other_key = services.service_id::varchar
