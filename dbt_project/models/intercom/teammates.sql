select
    agent_key,
    agent_id as otrs_agent_id,
    agent_login as otrs_login,
    agent_name as name,
    email,
    is_valid,
    target,
    decision,
    admin_id,
    is_fallback
from {{ ref("int_agents_mapped") }}
