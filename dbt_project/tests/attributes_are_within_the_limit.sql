-- Contact and company data have a limit together; for conversations nothing is documented, and the same is
-- kept.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select
    case when model = 'conversation' then model else 'contact, company' end as models, count(*) as attributes
from {{ ref("data_attributes") }}
group by all
having count(*) > {{ var("attribute_limit") }}
