-- The bytes of each file are in its place, neither more nor fewer.
select *
from {{ ref("conservation") }}
where {{ is_accounted_for("source_table") }} and (wrong_bytes != 0 or remainder != 0)
