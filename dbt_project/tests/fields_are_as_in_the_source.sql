-- A field that the plan sends is OTRS's own value, or what a named rule makes of it.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select * from {{ ref("fields") }} where status = 'different'
