with
    source as (select * from {{ source("raw_otrs", "customer_user") }}),

    renamed as (

        select
            -- ids
            id as customer_user_id,
            login as customer_user_login,
            customer_id,
            valid_id as validity_id,
            create_by as created_by_agent_id,
            change_by as changed_by_agent_id,

            -- text
            email,
            title,
            first_name,
            last_name,
            phone,
            fax,
            mobile,
            street,
            zip as postal_code,
            city,
            country,
            comments as remark,

            -- booleans
            valid_id = 1 as is_valid,

            -- timestamps, UTC
            {{ to_utc("create_time") }} as created_at,
            {{ to_utc("change_time") }} as changed_at

        from source

    )

select *
from renamed
