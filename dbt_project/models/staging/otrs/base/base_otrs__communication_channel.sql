-- The channels of articles. OTRS 5 and older have no such table: they get the four that OTRS 6 begins with.
with
    source as (select * from {{ source("raw_otrs", "communication_channel") }}),

    of_otrs_6 as (

        select * from (values (1, 'Email'), (2, 'Phone'), (3, 'Internal'), (4, 'Chat')) as channels(id, name)

    )

select id, name, module, package_name, channel_data, valid_id, create_time, create_by, change_time, change_by
from source

union all

select of_otrs_6.id, of_otrs_6.name, null, null, null, 1, null, null, null, null
from of_otrs_6
where not exists (select 1 from source)
