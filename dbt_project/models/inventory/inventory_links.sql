{{ config(alias="links") }}

-- Every link of OTRS between whatever, readable, also those that no ticket is part of.
select
    source_objects.link_object_name as source_object,
    links.source_key,
    types.link_type_name as link_type,
    target_objects.link_object_name as target_object,
    links.target_key,
    states.link_state_name as link_state,
    agents.agent_name as created_by,
    links.created_at,
    -- ids of OTRS
    links.source_object_id,
    links.target_object_id,
    links.link_type_id
from {{ ref("stg_otrs__links") }} as links
left join
    {{ ref("stg_otrs__link_objects") }} as source_objects
    on links.source_object_id = source_objects.link_object_id
left join
    {{ ref("stg_otrs__link_objects") }} as target_objects
    on links.target_object_id = target_objects.link_object_id
left join {{ ref("stg_otrs__link_types") }} as types on links.link_type_id = types.link_type_id
left join {{ ref("stg_otrs__link_states") }} as states on links.link_state_id = states.link_state_id
left join {{ ref("int_agents_described") }} as agents on links.created_by_agent_id = agents.agent_id
