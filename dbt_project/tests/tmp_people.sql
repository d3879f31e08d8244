-- depends_on: {{ ref("exclusion_reasons") }}
with p as (select * from {{ ref("people_placements") }}), 
proofs as (select distinct * from ({{ exclusion_predicates_people() }})),
src as (
  select 'customer_user' t, customer_user_id::varchar id from {{ ref("stg_otrs__customer_users") }}
  union all select 'customer_company', customer_id from {{ ref("stg_otrs__customer_companies") }}
  union all select 'customer_user_customer', customer_user_login||'|'||customer_id from {{ ref("stg_otrs__customer_user_companies") }}
  union all select 'customer_preferences', customer_user_login||'|'||preference_key from {{ ref("stg_otrs__customer_preferences") }}
  union all select 'service_customer_user', customer_user_login||'|'||service_id from {{ ref("stg_otrs__service_customer_users") }}
  union all select 'dynamic_field_obj_id_name', object_id::varchar from {{ ref("stg_otrs__dynamic_field_objects") }}
)
select 'unproved' what, p.source_table, p.source_id, p.detail from p left join proofs on p.source_table=proofs.source_table and p.source_id=proofs.source_id and p.detail=proofs.reason_code where p.place='exclusion' and proofs.source_id is null
union all
select 'times', t, id, (select count(*)::varchar from p where p.source_table=t and p.source_id=id) from src where (select count(*) from p where p.source_table=t and p.source_id=id)!=1
