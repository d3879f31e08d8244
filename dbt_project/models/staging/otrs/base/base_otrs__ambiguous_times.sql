-- Rows with a local time that was twice, because it stands in a repeated hour: one for each such time, with
-- what may decide between its two instants. Only of tables whose times matter to a conversation.
{{ config(materialized="table") }}

{% set tables = {
    "article": {"ticket_id": "ticket_id", "article_id": "id", "epoch": "incoming_time"},
    "article_data_mime": {"article_id": "article_id", "epoch": "incoming_time"},
    "article_data_mime_attachment": {"article_id": "article_id"},
    "article_data_mime_plain": {"article_id": "article_id"},
    "article_data_otrs_chat": {"article_id": "article_id", "changed": false},
    "article_attachment": {"article_id": "article_id"},
    "article_plain": {"article_id": "article_id"},
    "ticket": {"ticket_id": "id", "epoch": "create_time_unix"},
    "ticket_history": {"ticket_id": "ticket_id", "article_id": "article_id"},
    "time_accounting": {"ticket_id": "ticket_id", "article_id": "article_id"},
} %}

with hours as (select * from {{ ref("base_otrs__repeated_hours") }})

{% for table, columns in tables.items() %}
    {% for event in ["create", "change"] if event == "create" or columns.get("changed", true) %}
        select
            '{{ table }}' as table_name,
            '{{ event }}' as event,
            source.id as row_id,
            {{ columns.get("ticket_id", "null") }}::bigint as ticket_id,
            nullif({{ columns.get("article_id", "null") }}, 0)::bigint as article_id,
            source.{{ event }}_time as local_time,
            {{ columns.get("epoch", "null") if event == "create" else "null" }}::bigint as epoch,
            hours.local_starts_at,
            hours.seconds,
            -- the instant of the second pass, in seconds
            epoch(hours.put_back_at)
            + date_diff('second', hours.local_starts_at, source.{{ event }}_time) as second_epoch
        from {{ source("raw_otrs", table) }} as source
        inner join
            hours
            on source.{{ event }}_time::date = hours.local_day
            and source.{{ event }}_time >= hours.local_starts_at
            and source.{{ event }}_time < hours.local_ends_at
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
