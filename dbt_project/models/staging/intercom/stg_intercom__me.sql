with
    source as (select * from {{ source("raw_intercom", "me") }}),

    renamed as (

        select
            admin_id, email, name as admin_name, workspace_id, workspace_name, region, timezone as time_zone
        from source

    )

select *
from renamed
