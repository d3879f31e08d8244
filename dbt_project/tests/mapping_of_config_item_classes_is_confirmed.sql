-- Every class of configuration items that has items has a decision, and a person has confirmed it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select classes.class_id, classes.class_name, decisions.target, decisions.decision
from {{ ref("inventory_config_item_classes") }} as classes
left join {{ ref("config_item_classes") }} as decisions on classes.class_id = decisions.otrs_class_id
where classes.item_count > 0 and (decisions.decision is distinct from 'confirmed' or decisions.target is null)
