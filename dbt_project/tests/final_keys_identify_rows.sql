-- The columns identify a row of their final table: none of them is null and no two rows share them. One test
-- for the tables whose models have no `is_key` of their own.
{% set keys = {
    "contact_companies": ["contact_key", "company_key"],
    "contacts_not_silenceable": ["contact_key"],
    "conversation_attributes": ["conversation_key", "name"],
    "conversation_participants": ["conversation_key", "contact_key"],
    "conversation_tags": ["conversation_key", "tag_name"],
    "data_attributes": ["model", "name"],
    "fields": ["object", "key", "field"],
    "file_contents": ["file_key"],
    "selectable_conversations": ["conversation_key"],
} %}

{{ rows_without_key(keys) }}
