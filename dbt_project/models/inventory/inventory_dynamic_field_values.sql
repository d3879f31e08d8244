{{ config(alias="dynamic_field_values") }}

-- Values that stay here: of fields decided so, and of objects that do not go to Intercom.
select
    decided.dynamic_field_value_id,
    decided.field_name,
    decided.field_label,
    decided.object_type,
    decided.object_id,
    decided.otrs_value,
    decided.display_value
from {{ ref("int_dynamic_field_values_decided") }} as decided
where decided.target = 'inventory'
