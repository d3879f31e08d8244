-- The columns of `keys` identify a row of their staging model: none of them is null and no two rows share
-- them. Those of `required` are never null; OTRS does not enforce that they are unique, and whoever joins
-- them decides what a double means. One test for all of staging: dbt takes some 60 ms for each, whatever
-- it does.
{% set keys = {
    "stg_intercom__admins": ["admin_id"],
    "stg_intercom__companies": ["intercom_company_id"],
    "stg_intercom__contacts": ["contact_id"],
    "stg_intercom__me": ["admin_id"],
    "stg_intercom__read_back": ["object", "intercom_id"],
    "stg_intercom__read_back_files": ["conversation_id", "part_id", "position"],
    "stg_intercom__read_back_targets": ["object", "object_key"],
    "stg_intercom__tags": ["tag_id"],
    "stg_intercom__teams": ["team_id"],
    "stg_ledger__receipts": ["slot"],
    "stg_ledger__workspace": ["workspace_id"],
    "stg_otrs__agents": ["agent_id"],
    "stg_otrs__article_attachments": ["attachment_key"],
    "stg_otrs__article_mime_data": ["article_mime_data_id"],
    "stg_otrs__article_plain_mails": ["attachment_key"],
    "stg_otrs__article_sender_types": ["article_sender_type_id"],
    "stg_otrs__articles": ["article_id"],
    "stg_otrs__attachment_contents": ["attachment_key"],
    "stg_otrs__auto_response_types": ["auto_response_type_id"],
    "stg_otrs__auto_responses": ["auto_response_id"],
    "stg_otrs__calendar_appointments": ["calendar_appointment_id"],
    "stg_otrs__calendars": ["calendar_id"],
    "stg_otrs__chat_messages": ["article_id", "line_number"],
    "stg_otrs__communication_channels": ["communication_channel_id"],
    "stg_otrs__config_item_definitions": ["config_item_definition_id"],
    "stg_otrs__config_item_versions": ["config_item_version_id"],
    "stg_otrs__config_items": ["config_item_id"],
    "stg_otrs__customer_companies": ["customer_id"],
    "stg_otrs__customer_users": ["customer_user_id"],
    "stg_otrs__dynamic_field_objects": ["object_id"],
    "stg_otrs__dynamic_field_values": ["dynamic_field_value_id"],
    "stg_otrs__dynamic_fields": ["dynamic_field_id"],
    "stg_otrs__follow_up_options": ["follow_up_option_id"],
    "stg_otrs__general_catalog_items": ["general_catalog_item_id"],
    "stg_otrs__groups": ["group_id"],
    "stg_otrs__link_objects": ["link_object_id"],
    "stg_otrs__link_states": ["link_state_id"],
    "stg_otrs__link_types": ["link_type_id"],
    "stg_otrs__links": [
        "source_object_id",
        "source_key",
        "target_object_id",
        "target_key",
        "link_type_id",
    ],
    "stg_otrs__packages": ["package_id"],
    "stg_otrs__process_activities": ["process_activity_id"],
    "stg_otrs__process_activity_dialogs": ["process_activity_dialog_id"],
    "stg_otrs__process_transition_actions": ["process_transition_action_id"],
    "stg_otrs__process_transitions": ["process_transition_id"],
    "stg_otrs__processes": ["process_id"],
    "stg_otrs__queue_auto_responses": ["queue_auto_response_id"],
    "stg_otrs__queues": ["queue_id"],
    "stg_otrs__roles": ["role_id"],
    "stg_otrs__salutations": ["salutation_id"],
    "stg_otrs__service_slas": ["service_id", "sla_id"],
    "stg_otrs__services": ["service_id"],
    "stg_otrs__setting_changes": ["setting_change_id"],
    "stg_otrs__setting_defaults": ["setting_id"],
    "stg_otrs__signatures": ["signature_id"],
    "stg_otrs__slas": ["sla_id"],
    "stg_otrs__source_profile": ["generation"],
    "stg_otrs__source_tables": ["table_name"],
    "stg_otrs__standard_attachments": ["standard_attachment_id"],
    "stg_otrs__standard_template_attachments": ["standard_template_attachment_id"],
    "stg_otrs__standard_templates": ["standard_template_id"],
    "stg_otrs__system_addresses": ["system_address_id"],
    "stg_otrs__ticket_history": ["ticket_history_id"],
    "stg_otrs__ticket_history_types": ["ticket_history_type_id"],
    "stg_otrs__ticket_lock_types": ["ticket_lock_type_id"],
    "stg_otrs__ticket_priorities": ["ticket_priority_id"],
    "stg_otrs__ticket_state_types": ["ticket_state_type_id"],
    "stg_otrs__ticket_states": ["ticket_state_id"],
    "stg_otrs__ticket_types": ["ticket_type_id"],
    "stg_otrs__tickets": ["ticket_id"],
    "stg_otrs__time_accounting": ["time_accounting_id"],
    "stg_otrs__validities": ["validity_id"],
    "stg_otrs__virtual_file_contents": ["virtual_file_content_id"],
    "stg_otrs__virtual_files": ["virtual_file_id"],
} %}

{% set required = {
    "stg_otrs__agent_group_permissions": ["agent_id", "group_id", "permission_key"],
    "stg_otrs__agent_preferences": ["agent_id", "preference_key"],
    "stg_otrs__agent_roles": ["agent_id", "role_id"],
    "stg_otrs__customer_company_permissions": [
        "customer_id",
        "group_id",
        "permission_key",
        "permission_context",
    ],
    "stg_otrs__customer_preferences": ["customer_user_login", "preference_key"],
    "stg_otrs__customer_user_companies": ["customer_user_login", "customer_id"],
    "stg_otrs__customer_user_permissions": ["customer_user_login", "group_id", "permission_key"],
    "stg_otrs__general_catalog_preferences": ["general_catalog_item_id", "preference_key"],
    "stg_otrs__queue_standard_templates": ["queue_id", "standard_template_id"],
    "stg_otrs__rejected_values": ["table_name", "row_key", "column_name", "reason"],
    "stg_otrs__role_group_permissions": ["role_id", "group_id", "permission_key"],
    "stg_otrs__service_customer_users": ["customer_user_login", "service_id"],
    "stg_otrs__source_profile": ["time_zone", "snapshot_at"],
    "stg_otrs__source_tables": ["row_count", "is_read"],
    "stg_otrs__ticket_watchers": ["ticket_id", "agent_id"],
    "stg_otrs__virtual_file_preferences": ["virtual_file_id", "preference_key"],
    "stg_otrs__xml_values": ["xml_type", "xml_key", "value_path"],
} %}

{{ rows_without_key(keys) }}

union all

{% for model, columns in required.items() %}
    select '{{ model }}', '{{ columns | join(", ") }}', json_array({{ columns | join(", ") }})::varchar
    from {{ ref(model) }}
    where {% for column in columns %} {{ column }} is null {% if not loop.last %} or {% endif %} {% endfor %}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
