{# What is wanted beside what Intercom answers, as rows. Each field is a list: its name, SQL of what is wanted, SQL
   of what is there, and, where there are such, SQL of the rule that explains a difference and of the condition on
   which the field is compared. #}
{% macro compared(fields) -%}
    unnest(
        [
            {% for field in fields %}
                {
                    'field':'{{ field[0] }}',
                    'expected': ({{ field[1] }})::varchar,
                    'actual': ({{ field[2] }})::varchar,
                    'rule': ({{ field[3] if field | length > 3 and field[3] else "null" }})::varchar,
                    'applies':coalesce({{ field[4] if field | length > 4 else "true" }}, false)
                }
                {% if not loop.last %},{% endif %}
            {% endfor %}
        ],
        recursive := true
    )
{%- endmacro %}

{# The verdict on each field: identical, modified, missing or added, and the rule that explains what differs. #}
{% macro classified(object, fields) -%}
    select
        '{{ object }}' as object,
        object_key,
        part_key,
        intercom_id,
        field,
        case
            when expected is not distinct from actual
            then 'identical'
            when actual is null
            then 'missing'
            when expected is null
            then 'added'
            else 'modified'
        end as status,
        case when expected is distinct from actual then rule end as rule,
        expected,
        actual
    from {{ fields }}
    where applies
{%- endmacro %}

{# The rule that explains a value of an attribute which comes back in other words. #}
{% macro value_rule(expected, actual) -%}
    case
        when try_cast({{ expected }} as double) = try_cast({{ actual }} as double)
        then 'number_written_otherwise'
        when try_cast({{ expected }} as bigint) = epoch(try_cast({{ actual }} as timestamptz))
        then 'time_written_otherwise'
    end
{%- endmacro %}

{# The custom attributes of an answer, by name; those without a value are as good as not there. #}
{% macro attributes_of(data) -%}
    unnest(
        map_entries(from_json({{ data }} -> '$.custom_attributes', '"MAP(VARCHAR, JSON)"')), recursive := true
    )
{%- endmacro %}
