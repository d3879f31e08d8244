-- What an article type of OTRS 5 or older says: by which channel an article came, and whether the customer
-- sees it. As OTRS itself moved them to OTRS 6 (TaskConfig/MigrateArticleData.yml). A type of the
-- organisation's own is decided in the variable `article_types`; until then its articles are internal notes
-- that the customer does not see, and the test `own_article_types_are_decided` names it.
{% set kinds = {
    "email-external": "Email/visible",
    "email-internal": "Email/hidden",
    "email-notification-ext": "Email/visible",
    "email-notification-int": "Email/hidden",
    "phone": "Phone/visible",
    "fax": "Internal/visible",
    "sms": "Internal/visible",
    "webrequest": "Internal/visible",
    "note-internal": "Internal/hidden",
    "note-external": "Internal/visible",
    "note-report": "Internal/hidden",
    "chat-internal": "Chat/hidden",
    "chat-external": "Chat/visible",
} %}
{% do kinds.update(var("article_types")) %}

with
    source as (select * from {{ source("raw_otrs", "article_type") }}),

    kinds as (

        select
            lower(type_name) as type_name,
            split_part(kind, '/', 1) as channel,
            split_part(kind, '/', 2) = 'visible' as is_visible
        from
            (
                values
                    {% for name, kind in kinds.items() %}
                        (
                            {{ dbt.string_literal(dbt.escape_single_quotes(name)) }},
                            {{ dbt.string_literal(kind) }}
                        )
                        {% if not loop.last %},{% endif %}
                    {% endfor %}
            ) as kinds(type_name, kind)
        where regexp_full_match(kind, '(Email|Phone|Internal|Chat)/(visible|hidden)')

    )

select
    source.id as article_type_id,
    source.name as article_type_name,
    coalesce(kinds.channel, 'Internal') as communication_channel_name,
    -- numbered as in OTRS 6
    list_position(['Email', 'Phone', 'Internal', 'Chat'], coalesce(kinds.channel, 'Internal'))::bigint
    as communication_channel_id,
    coalesce(kinds.is_visible, false) as is_visible_for_customer,
    kinds.type_name is not null as is_known
from source
left join kinds on lower(trim(source.name)) = kinds.type_name
