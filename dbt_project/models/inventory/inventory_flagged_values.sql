{{ config(alias="flagged_values") }}

-- Values that did not fit: cut, or not of the type that was decided. Nothing is lost; here are the full
-- words.
with
    cut as (

        select
            'ticket' as record_type,
            ticket_id::varchar as record,
            name as attribute_name,
            'longer than ' || {{ var("text_limit") }} || ' characters: cut, in full in a note' as flag,
            full_text as full_value
        from {{ ref("int_ticket_attribute_values") }}
        where is_cut

        union all

        select
            'ticket',
            ticket_id::varchar,
            name,
            'more links than an attribute can hold: in full in a note',
            full_text
        from {{ ref("int_ticket_link_values") }}
        where is_cut

    ),

    unfit as (

        select
            lower(object_type) as record_type,
            coalesce(object_name, object_id::varchar) as record,
            attribute_name,
            case
                when object_type = 'Ticket'
                then 'not of the type ' || data_type || ': in a note'
                else 'not of the type ' || data_type || ': only here'
            end as flag,
            otrs_value as full_value
        from {{ ref("int_dynamic_field_values_decided") }}
        where target = 'attribute' and value is null

    ),

    -- What a person or a company has of one field stands in one text.
    long_of_customers as (

        select
            lower(object_type) as record_type,
            object_name as record,
            min(attribute_name) as attribute_name,
            'longer than ' || {{ var("text_limit") }} || ' characters: cut, in full only here' as flag,
            string_agg(display_value, ', ' order by value_position) as full_value
        from {{ ref("int_dynamic_field_values_decided") }}
        where
            target = 'attribute'
            and data_type = 'string'
            and object_type in ('CustomerUser', 'CustomerCompany')
        group by object_type, object_name, dynamic_field_id
        having length(string_agg(display_value, ', ' order by value_position)) > {{ var("text_limit") }}

    )

select *
from cut
union all
select *
from unfit
union all
select *
from long_of_customers
