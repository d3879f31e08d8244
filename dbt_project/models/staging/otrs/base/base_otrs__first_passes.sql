-- Rows that were written in the first pass of a repeated hour. DuckDB takes a local time that was twice for
-- its second pass; for these rows that is wrong, by so much. It is decided by, in this order:
-- 1. the epoch that OTRS wrote with the row: of an article, of its MIME row, of a ticket up to OTRS 5;
-- 2. the epoch of the row's article, else of an article of its ticket, written within a minute of it;
-- 3. the order of the ids: what follows a row of the second pass is in the second pass, what precedes one
-- of the first is in the first.
-- A row that nothing decides stays in the second pass. The time of a change is that of the creation where
-- both are the same, else that of the ticket's history at that minute.
{{ config(materialized="table") }}

with
    ambiguous as (select * from {{ ref("base_otrs__ambiguous_times") }}),

    -- An epoch of another moment says nothing: it must be near one of the two instants.
    by_epoch as (

        select
            *,
            case
                when abs(epoch - second_epoch) <= seconds / 4
                then false
                when abs(epoch - second_epoch + seconds) <= seconds / 4
                then true
            end as is_first
        from ambiguous

    ),

    -- Since OTRS 6 the epoch stands in the article's MIME row.
    articles as (

        select
            articles.article_id,
            articles.ticket_id,
            articles.local_time,
            coalesce(articles.is_first, bool_or(mime.is_first)) as is_first
        from by_epoch as articles
        left join
            by_epoch as mime
            on mime.table_name = 'article_data_mime'
            and mime.event = 'create'
            and mime.article_id = articles.article_id
            and abs(date_diff('second', mime.local_time, articles.local_time)) <= 60
        where articles.table_name = 'article' and articles.event = 'create'
        group by articles.article_id, articles.ticket_id, articles.local_time, articles.is_first

    ),

    by_article as (

        select
            by_epoch.table_name,
            by_epoch.event,
            by_epoch.row_id,
            arg_min(
                articles.is_first,
                (
                    articles.article_id is distinct from by_epoch.article_id,
                    abs(date_diff('second', articles.local_time, by_epoch.local_time)),
                    articles.article_id
                )
            ) as is_first
        from by_epoch
        inner join
            articles
            on (articles.article_id = by_epoch.article_id or articles.ticket_id = by_epoch.ticket_id)
            and abs(date_diff('second', articles.local_time, by_epoch.local_time)) <= 60
        where articles.is_first is not null and by_epoch.event = 'create'
        group by by_epoch.table_name, by_epoch.event, by_epoch.row_id

    ),

    by_order as (

        select
            by_epoch.* replace (coalesce(by_epoch.is_first, by_article.is_first) as is_first),
            bool_or(not coalesce(by_epoch.is_first, by_article.is_first)) over before as follows_second,
            bool_or(coalesce(by_epoch.is_first, by_article.is_first)) over after as precedes_first
        from by_epoch
        left join
            by_article
            on by_epoch.table_name = by_article.table_name
            and by_epoch.event = by_article.event
            and by_epoch.row_id = by_article.row_id
        where by_epoch.event = 'create'
        window
            before as (
                partition by by_epoch.table_name, by_epoch.local_starts_at
                order by by_epoch.row_id
                rows between unbounded preceding and 1 preceding
            ),
            after as (
                partition by by_epoch.table_name, by_epoch.local_starts_at
                order by by_epoch.row_id
                rows between 1 following and unbounded following
            )

    ),

    created as (

        select
            table_name,
            row_id,
            ticket_id,
            local_time,
            seconds,
            coalesce(
                is_first, case when follows_second then false when precedes_first then true end, false
            ) as is_first
        from by_order

    ),

    changed as (

        select
            changes.table_name,
            changes.row_id,
            changes.seconds,
            coalesce(
                any_value(created.is_first),
                arg_min(history.is_first, abs(date_diff('second', history.local_time, changes.local_time))),
                false
            ) as is_first
        from by_epoch as changes
        left join
            created
            on changes.table_name = created.table_name
            and changes.row_id = created.row_id
            and changes.local_time = created.local_time
        left join
            created as history
            on changes.table_name = 'ticket'
            and history.table_name = 'ticket_history'
            and changes.ticket_id = history.ticket_id
            and abs(date_diff('second', history.local_time, changes.local_time)) <= 60
        where changes.event = 'change'
        group by changes.table_name, changes.row_id, changes.seconds

    ),

    first_passes as (

        select table_name, row_id, seconds as created_earlier_by, null as changed_earlier_by
        from created
        where is_first

        union all

        select table_name, row_id, null, seconds
        from changed
        where is_first

    )

select
    table_name,
    row_id,
    to_seconds(max(created_earlier_by)) as created_earlier_by,
    to_seconds(max(changed_earlier_by)) as changed_earlier_by
from first_passes
group by table_name, row_id
