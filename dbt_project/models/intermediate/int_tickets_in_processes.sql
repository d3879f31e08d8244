-- At which activity of which process a ticket stands: two dynamic fields say so, whose names are settings.
select
    fieldvalues.object_id as ticket_id,
    max(fieldvalues.value_text) filter (fields.process_role = 'process') as process_entity_id,
    max(fieldvalues.value_text) filter (fields.process_role = 'activity') as activity_entity_id
from {{ ref("stg_otrs__dynamic_field_values") }} as fieldvalues
inner join
    {{ ref("int_dynamic_fields_parsed") }} as fields on fieldvalues.dynamic_field_id = fields.dynamic_field_id
where fields.process_role is not null and nullif(fieldvalues.value_text, '') is not null
group by fieldvalues.object_id
