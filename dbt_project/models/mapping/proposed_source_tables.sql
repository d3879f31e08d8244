-- Proposal for the mapping `source_tables`: tables with rows that nobody reads stay where they are. Of tables
-- that this tool does not know a person has to say so: they may hold what customers wrote (FAQ, surveys).
select
    table_name as otrs_table,
    'leave' as treatment,
    case when has_customer_data is null then 'requires_admin_decision' else 'proposed' end as decision,
    reason,
    case when has_customer_data is null then 10 else 90 end as score,
    row_count as used
from {{ ref("stg_otrs__source_tables") }}
where not is_read and row_count > 0 and has_customer_data is distinct from false
