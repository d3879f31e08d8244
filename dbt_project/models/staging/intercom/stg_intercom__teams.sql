with
    source as (select * from {{ source("raw_intercom", "teams") }}),

    renamed as (select id as team_id, name as team_name from source)

select *
from renamed
