-- The bytes of each file are in its place, neither more nor fewer.
select * from {{ ref("conservation") }} where wrong_bytes != 0 or remainder != 0
