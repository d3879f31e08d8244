-- Collections and articles of the help centre as they are wanted beside what Intercom answers, field by
-- field.
with
    targets as (

        select
            targets.object,
            targets.object_key,
            targets.intercom_id,
            coalesce(answers.is_found, false) as is_found,
            answers.data
        from {{ ref("stg_intercom__read_back_targets") }} as targets
        left join
            {{ ref("stg_intercom__read_back") }} as answers
            on targets.object = answers.object
            and targets.intercom_id = answers.intercom_id
        where targets.object in ('collection', 'article')

    ),

    ids as (

        select creates as object_key, intercom_id
        from {{ ref("stg_ledger__receipts") }}
        where creates is not null

    ),

    collections as (

        select collections.*, targets.* exclude (object), parents.intercom_id as parent_id
        from targets
        inner join {{ ref("collections") }} as collections on targets.object_key = collections.collection_key
        left join ids as parents on 'collection/' || collections.parent_key = parents.object_key
        where targets.object = 'collection'

    ),

    collection_fields as (

        select
            object_key,
            null as part_key,
            intercom_id,
            {{
                compared(
                    [
                        ["exists", "'exists'", "case when is_found then 'exists' end"],
                        ["name", "name", "data ->> '$.name'", "", "is_found"],
                        ["description", "description", "data ->> '$.description'", "", "is_found"],
                        ["parent", "parent_id", "data ->> '$.parent_id'", "", "is_found"],
                    ]
                )
            }}
        from collections

    ),

    articles as (

        select articles.*, targets.* exclude (object), parents.intercom_id as parent_id
        from targets
        inner join {{ ref("articles") }} as articles on targets.object_key = articles.article_key
        left join ids as parents on 'collection/' || articles.collection_key = parents.object_key
        where targets.object = 'article'

    ),

    article_fields as (

        select
            object_key,
            null as part_key,
            intercom_id,
            {{
                compared(
                    [
                        ["exists", "'exists'", "case when is_found then 'exists' end"],
                        ["title", "title", "data ->> '$.title'", "", "is_found"],
                        [
                            "body",
                            "body",
                            "data ->> '$.body'",
                            "case when body is distinct from (data ->> '$.body')"
                            " and html_text(body).value = html_text(data ->> '$.body').value"
                            " then 'cleaned_html' end",
                            "is_found",
                        ],
                        ["author", "author_id", "data ->> '$.author_id'", "", "is_found"],
                        ["state", "state", "data ->> '$.state'", "", "is_found"],
                        ["parent", "parent_id", "data ->> '$.parent_ids[0]'", "", "is_found"],
                    ]
                )
            }}
        from articles

    )

    {{ classified("collection", "collection_fields") }}
union all
{{ classified("article", "article_fields") }}
