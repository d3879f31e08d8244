-- Tables that nobody reads stay behind with their rows only when a person says so.
-- depends_on: {{ ref("plan_hash") }}, so that the plan can be looked at while this fails
select tables.table_name, tables.row_count, tables.reason, decisions.decision
from {{ ref("stg_otrs__source_tables") }} as tables
left join {{ ref("source_tables") }} as decisions on tables.table_name = decisions.otrs_table
where
    not tables.is_read
    and tables.row_count > 0
    and tables.has_customer_data is distinct from false
    and decisions.decision is distinct from 'confirmed'
