-- How many there are of each object at each stage, from OTRS to the plan, as rows to be read one after
-- another.
{% set finals = [
    ["Ticket", "conversations"],
    ["Article", "conversation_parts"],
    ["Attachment", "part_files"],
    ["Attachment", "stored_files"],
    ["Customer", "contacts"],
    ["Company", "companies"],
    ["Further company of a customer", "contact_companies"],
    ["Queue", "teams"],
    ["Agent", "teammates"],
] %}
with
    conservation as (select * from {{ ref("conservation") }} where object is not null),

    placements as (select * from {{ ref("placements") }} where place != 'request'),

    reasons as (select * from {{ ref("exclusion_reasons") }}),

    requests as (

        select
            coalesce(conservation.object, 'Definition') as object,
            requests.kind as detail,
            count(*) as records
        from {{ ref("requests") }} as requests
        left join conservation on requests.source_table = conservation.source_table
        group by all

    ),

    elsewhere as (

        select
            conservation.object,
            placements.place,
            case when placements.place = 'exclusion' then reasons.reason else placements.detail end as detail,
            count(*) as records,
            sum(placements.bytes) as bytes
        from placements
        inner join conservation on placements.source_table = conservation.source_table
        left join reasons on placements.detail = reasons.reason_code and placements.place = 'exclusion'
        group by all

    ),

    counted as (

        select
            object,
            1 as step,
            'in OTRS' as stage,
            source_table as detail,
            source_records as records,
            source_bytes as bytes
        from conservation

        union all

        select object, 2, 'left behind', detail, records, bytes
        from elsewhere
        where place = 'exclusion'

        union all

        select object, 3, 'written down for the administrator', detail, records, bytes
        from elsewhere
        where place = 'inventory'

        union all

        select object, 4, 'matched with what the workspace has', detail, records, bytes
        from elsewhere
        where place = 'final'

        union all

        select object, 5, 'goes to Intercom', null, request_records, request_bytes
        from conservation
        where request_records > 0

        union all

        select object, 6, 'nowhere', 'this closes the gate', remainder, null
        from conservation
        where remainder > 0

        {% for object, table in finals %}
            union all
            select '{{ object }}', 7, 'rows of the final table', 'intercom.{{ table }}', count(*), null
            from {{ ref(table) }}
        {% endfor %}

        union all

        select object, 8, 'requests planned', detail, records, null
        from requests

    ),

    objects as (select object, row_number() over () as position from conservation)

select
    counted.object,
    counted.step,
    counted.stage,
    counted.detail,
    counted.records::bigint as records,
    nullif(counted.bytes, 0)::bigint as bytes
from counted
left join objects on counted.object = objects.object
order by objects.position nulls last, counted.step, counted.detail
