-- Values with the type of their field, which says whether `value_date` is a day or a local time.
with
    dynamic_field_values as (select * from {{ source("raw_otrs", "dynamic_field_value") }}),

    dynamic_fields as (select * from {{ source("raw_otrs", "dynamic_field") }})

select
    dynamic_field_values.id,
    dynamic_field_values.field_id,
    dynamic_field_values.object_id,
    dynamic_field_values.value_text,
    dynamic_field_values.value_date,
    dynamic_field_values.value_int,
    dynamic_fields.field_type
from dynamic_field_values
left join dynamic_fields on dynamic_field_values.field_id = dynamic_fields.id
