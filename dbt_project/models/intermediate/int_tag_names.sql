-- Names of tags. Intercom takes names that differ only by case for one tag, so one spelling stands for
-- all: the one that is loaded already, else the first in order. An over-long name is cut and told apart
-- by a hash.
with
    receipts as (

        select substr(slot, 5) as tag_name from {{ ref("stg_ledger__receipts") }} where slot like 'tag/%'

    ),

    sla_tags as (

        select distinct tag_name as tag_text, 'sla' as source
        from {{ ref("slas") }}
        where target = 'tag' and trim(tag_name) != ''

    ),

    field_tags as (

        select distinct
            trim(decisions.attribute_name) || ': ' || field_values.display_value as tag_text,
            'dynamic_field' as source
        from {{ ref("int_dynamic_field_values_labelled") }} as field_values
        inner join
            {{ ref("dynamic_fields") }} as decisions
            on field_values.dynamic_field_id = decisions.otrs_field_id
        where decisions.target = 'tag' and not field_values.is_empty

    ),

    cut as (

        select
            tag_text,
            source,
            case
                when length(trim(tag_text)) > {{ var("text_limit") }}
                then left(trim(tag_text), {{ var("text_limit") }} - 9) || '… ' || left(md5(trim(tag_text)), 7)
                else trim(tag_text)
            end as name
        from
            (
                select *
                from sla_tags
                union
                select *
                from field_tags
            )

    )

select distinct
    cut.tag_text,
    first_value(cut.name) over (
        partition by lower(cut.name)
        order by receipts.tag_name is null, cut.name
        rows between unbounded preceding and unbounded following
    ) as tag_name
from cut
left join receipts on cut.name = receipts.tag_name
