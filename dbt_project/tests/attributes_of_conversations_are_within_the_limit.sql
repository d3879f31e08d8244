-- For attributes of conversations no limit is documented, and the one of contacts and companies is kept.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select count(*) as attributes
from {{ ref("data_attributes") }}
where model = 'conversation'
having count(*) > {{ var("attribute_limit") }}
