{{ config(alias="dynamic_fields") }}

-- Every dynamic field with what was found in it, and what is proposed for it.
with
    fields as (select * from {{ ref("int_dynamic_fields_parsed") }}),

    field_values as (select * from {{ ref("int_dynamic_field_values_labelled") }} where not is_empty),

    -- Of how many objects a field could have a value; of other objects than these nothing is known.
    objects as (

        select 'Ticket' as object_type, count(*) as objects
        from {{ ref("stg_otrs__tickets") }}
        union all
        select 'Article', count(*)
        from {{ ref("stg_otrs__articles") }}
        union all
        select 'CustomerUser', count(*)
        from {{ ref("stg_otrs__customer_users") }}
        union all
        select 'CustomerCompany', count(*)
        from {{ ref("stg_otrs__customer_companies") }}

    ),

    counted as (

        select
            dynamic_field_id,
            count(*) as value_count,
            count(distinct object_id) as filled_objects,
            count(distinct otrs_value) as distinct_values,
            max(length(display_value)) as longest_value,
            count(*) filter (where is_outside_the_list) as values_outside_the_list,
            list_sort(list(distinct otrs_value) filter (where is_outside_the_list)) as keys_outside_the_list,
            bool_and(regexp_full_match(trim(otrs_value), '[+-]?[0-9]{1,15}')) as are_integers,
            bool_and(regexp_full_match(trim(otrs_value), '[+-]?[0-9]{1,15}(\.[0-9]{1,15})?')) as are_decimals
        from field_values
        group by dynamic_field_id

    ),

    -- The most frequent ones.
    samples as (

        select dynamic_field_id, string_agg(sample, ' | ' order by uses desc, sample) as samples
        from
            (
                select dynamic_field_id, left(display_value, 40) as sample, count(*) as uses
                from field_values
                group by dynamic_field_id, left(display_value, 40)
                qualify row_number() over (partition by dynamic_field_id order by uses desc, sample) <= 5
            )
        group by dynamic_field_id

    ),

    described as (

        select
            fields.*,
            coalesce(counted.value_count, 0) as value_count,
            coalesce(counted.filled_objects, 0) as filled_objects,
            objects.objects,
            coalesce(counted.distinct_values, 0) as distinct_values,
            counted.longest_value,
            coalesce(counted.values_outside_the_list, 0) as values_outside_the_list,
            counted.keys_outside_the_list[:20] as keys_outside_the_list,
            samples.samples,
            counted.are_integers,
            counted.are_decimals,
            fields.field_type in ('Dropdown', 'Multiselect') as is_list,
            fields.object_type in ('CustomerUser', 'CustomerCompany') as is_of_customer,
            coalesce(counted.longest_value, 0) > {{ var("text_limit") }} as is_long
        from fields
        left join counted on fields.dynamic_field_id = counted.dynamic_field_id
        left join samples on fields.dynamic_field_id = samples.dynamic_field_id
        left join objects on fields.object_type = objects.object_type

    ),

    proposed as (

        select
            *,
            case
                when object_type not in ('Ticket', 'Article', 'CustomerUser', 'CustomerCompany')
                then 'inventory'
                when object_type = 'Article'
                then 'note'
                when process_role is not null or is_of_customer
                then 'attribute'
                when is_list and distinct_values <= {{ var("tags_per_field") }}
                then 'tag'
                when field_type = 'TextArea' and is_long
                then 'note'
                else 'attribute'
            end as target,
            case
                when process_role is null and field_type = 'Checkbox'
                then 'boolean'
                when process_role is null and field_type in ('Date', 'DateTime')
                then 'datetime'
                else 'string'
            end as value_type,
            case
                when object_type not in ('Ticket', 'Article', 'CustomerUser', 'CustomerCompany')
                then 'unknown_object'
                when process_role is not null
                then 'process'
                when
                    field_type
                    not in ('Text', 'TextArea', 'Checkbox', 'Date', 'DateTime', 'Dropdown', 'Multiselect')
                then 'unknown_type'
                when is_list and distinct_values > {{ var("tags_per_field") }}
                then 'many_values'
                when object_type = 'Article'
                then 'article'
                when field_type = 'TextArea' and is_long
                then 'long'
                when is_list
                then 'list'
                when field_type in ('Text', 'TextArea') and are_integers
                then 'integers'
                when field_type in ('Text', 'TextArea') and are_decimals
                then 'decimals'
                else 'plain'
            end as grounds
        from described

    ),

    -- Contacts and companies allow letters, digits and hyphens, and share their names.
    named as (

        select
            *,
            case
                when is_of_customer
                then
                    'otrs-field-' || coalesce(
                        nullif(
                            trim(
                                regexp_replace(
                                    replace(lower(strip_accents(field_label)), 'ß', 'ss'),
                                    '[^a-z0-9]+',
                                    '-',
                                    'g'
                                ),
                                '-'
                            ),
                            ''
                        ),
                        lower(field_name)
                    )
                when process_role = 'process'
                then 'OTRS process'
                when process_role = 'activity'
                then 'OTRS process activity'
                when target = 'tag'
                then left(field_label, 100)
                when target = 'attribute'
                then 'OTRS ' || left(field_label, 100)
            end as short_name
        from proposed

    ),

    taken as (

        select lower(name) as name
        from {{ ref("int_conversation_attribute_definitions") }}
        union all
        select 'sla'

    ),

    told_apart as (

        select
            named.*,
            case
                when
                    named.short_name is not null
                    and named.process_role is null
                    and (
                        taken.name is not null
                        or lower(named.short_name) in ('otrs process', 'otrs process activity')
                        or count(*) over (partition by named.is_of_customer, lower(named.short_name)) > 1
                    )
                then
                    named.short_name || case
                        when named.is_of_customer
                        then '-' || lower(regexp_replace(named.field_name, '[^A-Za-z0-9]+', '-', 'g'))
                        else ' (' || named.field_name || ')'
                    end
                else named.short_name
            end as attribute_name
        from named
        left join taken on lower(named.short_name) = taken.name

    ),

    -- Contact and company data have a limit together; conversations are held to the same one.
    ranked as (

        select
            *,
            row_number() over (
                partition by is_of_customer, target = 'attribute', value_count > 0
                order by process_role is null, value_count desc, dynamic_field_id
            ) as rank
        from told_apart

    )

select
    dynamic_field_id,
    field_name,
    field_label,
    object_type,
    field_type,
    is_valid,
    is_internal,
    objects,
    filled_objects,
    round(filled_objects / nullif(objects, 0), 4) as fill_rate,
    value_count,
    distinct_values,
    longest_value,
    samples,
    possible_values,
    values_outside_the_list,
    keys_outside_the_list,
    error as config_error,
    case
        when target = 'attribute' and value_count > 0 and rank > {{ var("attribute_limit") }} - 50
        then 'note'
        else target
    end as proposed_target,
    case when target in ('attribute', 'tag') then attribute_name end as proposed_name,
    case when target = 'attribute' then value_type end as proposed_data_type,
    case
        when value_count = 0
        then 'proposed'
        when grounds in ('unknown_object', 'unknown_type', 'many_values')
        then 'requires_admin_decision'
        when target = 'attribute' and rank > {{ var("attribute_limit") }} - 50
        then 'requires_admin_decision'
        else 'proposed'
    end as proposed_decision,
    case
        grounds
        when 'unknown_object'
        then 20
        when 'unknown_type'
        then 30
        when 'many_values'
        then 40
        when 'process'
        then 100
        when 'integers'
        then 70
        when 'decimals'
        then 70
        when 'list'
        then case when values_outside_the_list > 0 then 80 else 90 end
        when 'long'
        then 80
        when 'article'
        then 70
        else 90
    end as proposed_score,
    concat_ws(
        '; ',
        case
            when target = 'attribute' and value_count > 0 and rank > {{ var("attribute_limit") }} - 50
            then 'more attributes than Intercom allows: values go into a note'
        end,
        case
            grounds
            when 'unknown_object'
            then 'its objects (' || coalesce(object_type, '?') || ') do not go to Intercom: values are listed'
            when 'unknown_type'
            then
                'values of the type '
                || coalesce(field_type, '?')
                || ' are keys of another system or record: carried as they stand'
            when 'many_values'
            then distinct_values || ' different values would be as many tags: an attribute instead'
            when 'process'
            then 'the name of the process or of its step'
            when 'article'
            then 'belongs to an article: named in a note'
            when 'long'
            then 'values longer than an attribute may be'
            when 'list'
            then
                case
                    when is_of_customer
                    then 'labels of the list'
                    else 'a list: a tag per value, or an attribute of the type list'
                end
            when 'integers'
            then 'texts; all of them are whole numbers, so integer is possible'
            when 'decimals'
            then 'texts; all of them are numbers, so decimal is possible'
            else 'by the type of the field'
        end,
        case
            when values_outside_the_list > 0 then values_outside_the_list || ' values are not in the list'
        end,
        case when not is_valid then 'no longer valid in OTRS' end,
        case when value_count = 0 then 'no values' end,
        case when error is not null then 'its configuration cannot be read' end
    ) as proposed_reason
from ranked
