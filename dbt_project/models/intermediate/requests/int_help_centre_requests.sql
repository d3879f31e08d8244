-- The help centre's collections, from the outermost inwards, and the draft articles in them. One lane: a
-- collection must be there before what lies in it.
with
    collections as (

        select *, row_number() over (order by level, collection_key) as place from {{ ref("collections") }}

    ),

    articles as (select *, row_number() over (order by otrs_service_id) as place from {{ ref("articles") }})

select
    'collection/' || collection_key as slot,
    {{ content_hash(["otrs_service_id", "name", "description"]) }} as content_hash,
    7 as phase,
    'help_centre' as lane,
    place::bigint as position,
    'collection.create' as kind,
    'POST' as method,
    '/help_center/collections' as path,
    {{
        without_nulls(
            "json_object('name', name, 'description', description, 'parent_id',"
            " case when parent_key is not null then json_object('$ref', 'collection/' || parent_key) end)"
        )
    }} as payload,
    null::json as on_conflict_payload,
    'collection/' || collection_key as creates,
    'report' as on_absent,
    'service' as source_table,
    coalesce(otrs_service_id::varchar, '') as source_id
from collections

union all

select
    'help_centre_article/' || article_key,
    otrs_hash,
    7,
    'help_centre',
    1000000 + place,
    'article.create',
    'POST',
    '/articles',
    {{
        without_nulls(
            "json_object('title', title, 'body', body, 'author_id', author_id, 'state', state,"
            " 'parent_id', case when collection_key is not null"
            " then json_object('$ref', 'collection/' || collection_key, 'as', 'integer') end,"
            " 'parent_type', case when collection_key is not null then 'collection' end)"
        )
    }},
    null::json,
    'help_centre_article/' || article_key,
    'report',
    'service',
    otrs_service_id::varchar
from articles
