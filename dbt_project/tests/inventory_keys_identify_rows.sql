-- The columns of `keys` identify a row of the inventory and of what it is made of: none of them is null and
-- no two
-- rows share them. One test for all of them: dbt takes some 60 ms for each, whatever it does.
{% set keys = {
    "appointment_calendars": ["calendar_id"],
    "appointments": ["calendar_appointment_id"],
    "auto_responses": ["auto_response_id"],
    "calendars": ["calendar"],
    "config_item_definitions": ["config_item_definition_id"],
    "config_item_files": ["virtual_file_id"],
    "config_item_versions": ["config_item_version_id"],
    "config_items": ["config_item_id"],
    "general_catalog": ["general_catalog_item_id"],
    "groups": ["group_id"],
    "int_config_item_attributes": ["config_item_definition_id", "position"],
    "int_config_item_owners": ["config_item_id"],
    "int_configurations_parsed": ["kind", "configuration_id"],
    "int_process_conditions": ["transition_entity_id"],
    "int_settings_effective": ["setting_name"],
    "int_tickets_in_processes": ["ticket_id"],
    "inventory_config_item_classes": ["class_id"],
    "inventory_services": ["service_id"],
    "packages": ["package_id"],
    "process_dialog_fields": ["dialog_entity_id", "position"],
    "processes": ["process_id"],
    "report_parameters": ["report_id", "role", "position"],
    "reports": ["report_id"],
    "role_queues": ["role_id", "queue_id"],
    "roles": ["role_id"],
    "salutations": ["salutation_id"],
    "settings": ["setting_change_id"],
    "signatures": ["signature_id"],
    "system_addresses": ["system_address_id"],
    "template_attachments": ["standard_attachment_id"],
    "templates": ["standard_template_id"],
} %}

{{ rows_without_key(keys) }}
