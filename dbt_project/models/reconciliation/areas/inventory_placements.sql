-- Where each record of configuration, processes, reports, permissions and configuration items ended up: in
-- a table of
-- the inventory, in a request for an article, or nowhere for a reason.
with
    xml_values as (select * from {{ ref("stg_otrs__xml_values") }}),

    placed as (

        select
            'service' as source_table,
            requests.source_id,
            'request' as place,
            requests.slot as detail,
            null::bigint as bytes
        from {{ ref("requests") }} as requests
        where requests.kind = 'article.create'

        union all

        select 'service', service_id::varchar, 'inventory', 'services', null
        from {{ ref("inventory_services") }}
        where target is distinct from 'article'

        union all

        select 'service_sla', concat_ws('|', links.service_id, links.sla_id), 'inventory', 'services', null
        from {{ ref("stg_otrs__service_slas") }} as links
        inner join {{ ref("inventory_services") }} as services on links.service_id = services.service_id

        union all

        select 'groups', group_id::varchar, 'inventory', 'groups', null
        from {{ ref("groups") }}

        union all

        select 'roles', role_id::varchar, 'inventory', 'roles', null
        from {{ ref("roles") }}

        union all

        select 'role_user', concat_ws('|', agent_id, role_id), 'inventory', 'role_members', null
        from {{ ref("role_members") }}

        union all

        select
            case
                holder_kind
                when 'agent'
                then 'group_user'
                when 'role'
                then 'group_role'
                when 'customer user'
                then 'group_customer_user'
                when 'customer company'
                then 'group_customer'
            end,
            concat_ws('|', holder_id, group_id, permission_key, permission_context),
            'inventory',
            'permissions',
            null
        from {{ ref("permissions") }}

        union all

        select 'pm_process', process_id::varchar, 'inventory', 'processes', null
        from {{ ref("processes") }}

        union all

        select 'pm_activity', process_activity_id::varchar, 'inventory', 'process_activities', null
        from {{ ref("stg_otrs__process_activities") }}
        where process_activity_entity_id in (select activity_entity_id from {{ ref("process_activities") }})

        union all

        select 'pm_activity_dialog', process_activity_dialog_id::varchar, 'inventory', 'process_dialogs', null
        from {{ ref("stg_otrs__process_activity_dialogs") }}
        where process_activity_dialog_entity_id in (select dialog_entity_id from {{ ref("process_dialogs") }})

        union all

        select 'pm_transition', process_transition_id::varchar, 'inventory', 'process_transitions', null
        from {{ ref("stg_otrs__process_transitions") }}
        where
            process_transition_entity_id
            in (select transition_entity_id from {{ ref("process_transitions") }})

        union all

        select
            'pm_transition_action',
            process_transition_action_id::varchar,
            'inventory',
            'process_transition_actions',
            null
        from {{ ref("stg_otrs__process_transition_actions") }}
        where
            process_transition_action_entity_id
            in (select action_entity_id from {{ ref("process_transition_actions") }})

        union all

        select
            'xml_storage',
            concat_ws('|', xml_type, xml_key, value_path),
            'exclusion',
            'bookkeeping_of_the_xml_store',
            null
        from xml_values
        where ends_with(value_path, '{''TagKey''}')

        union all

        select 'xml_storage', concat_ws('|', xml_type, xml_key, value_path), 'inventory', 'reports', null
        from xml_values
        where
            xml_type = 'Stats'
            and not ends_with(value_path, '{''TagKey''}')
            and xml_key in (select report_id from {{ ref("reports") }})

        union all

        select
            'xml_storage',
            concat_ws('|', xml_type, xml_key, value_path),
            'inventory',
            'config_item_values',
            null
        from {{ ref("config_item_values") }}

        union all

        select
            'xml_storage',
            concat_ws('|', xml_type, xml_key, value_path),
            'inventory',
            'other_xml_values',
            null
        from {{ ref("other_xml_values") }}

        union all

        select 'configitem', config_item_id::varchar, 'inventory', 'config_items', null
        from {{ ref("config_items") }}

        union all

        select
            'configitem_version', config_item_version_id::varchar, 'inventory', 'config_item_versions', null
        from {{ ref("config_item_versions") }}

        union all

        select
            'configitem_definition',
            config_item_definition_id::varchar,
            'inventory',
            'config_item_definitions',
            null
        from {{ ref("config_item_definitions") }}

        union all

        select 'general_catalog', general_catalog_item_id::varchar, 'inventory', 'general_catalog', null
        from {{ ref("general_catalog") }}

        union all

        select
            'general_catalog_preferences',
            concat_ws('|', preferences.general_catalog_item_id, preferences.preference_key),
            'inventory',
            'general_catalog',
            null
        from {{ ref("stg_otrs__general_catalog_preferences") }} as preferences
        inner join
            {{ ref("general_catalog") }} as items
            on preferences.general_catalog_item_id = items.general_catalog_item_id

        union all

        select 'virtual_fs', virtual_file_id::varchar, 'inventory', 'config_item_files', null
        from {{ ref("config_item_files") }}

        union all

        select
            'virtual_fs_preferences',
            concat_ws('|', preferences.virtual_file_id, preferences.preference_key),
            'inventory',
            'config_item_files',
            null
        from {{ ref("stg_otrs__virtual_file_preferences") }} as preferences
        inner join
            {{ ref("config_item_files") }} as files on preferences.virtual_file_id = files.virtual_file_id

        union all

        select
            'virtual_fs_db',
            contents.virtual_file_content_id::varchar,
            'inventory',
            'config_item_files',
            octet_length(contents.content)
        from {{ ref("stg_otrs__virtual_file_contents") }} as contents
        where
            contents.virtual_file_content_id
            in (select virtual_file_content_id from {{ ref("config_item_files") }})

        union all

        select 'calendar', calendar_id::varchar, 'inventory', 'appointment_calendars', null
        from {{ ref("appointment_calendars") }}

        union all

        select 'calendar_appointment', calendar_appointment_id::varchar, 'inventory', 'appointments', null
        from {{ ref("appointments") }}

        union all

        select 'auto_response', auto_response_id::varchar, 'inventory', 'auto_responses', null
        from {{ ref("auto_responses") }}

        union all

        select 'auto_response_type', types.auto_response_type_id::varchar, 'inventory', 'auto_responses', null
        from {{ ref("stg_otrs__auto_response_types") }} as types
        where types.auto_response_type_name in (select type from {{ ref("auto_responses") }})

        union all

        select
            'queue_auto_response', links.queue_auto_response_id::varchar, 'inventory', 'auto_responses', null
        from {{ ref("stg_otrs__queue_auto_responses") }} as links
        inner join
            {{ ref("auto_responses") }} as responses on links.auto_response_id = responses.auto_response_id

        union all

        select 'salutation', salutation_id::varchar, 'inventory', 'salutations', null
        from {{ ref("salutations") }}

        union all

        select 'signature', signature_id::varchar, 'inventory', 'signatures', null
        from {{ ref("signatures") }}

        union all

        select 'standard_template', standard_template_id::varchar, 'inventory', 'templates', null
        from {{ ref("templates") }}

        union all

        select
            'queue_standard_template',
            concat_ws('|', links.queue_id, links.standard_template_id),
            'inventory',
            'templates',
            null
        from {{ ref("stg_otrs__queue_standard_templates") }} as links
        inner join
            {{ ref("templates") }} as templates on links.standard_template_id = templates.standard_template_id

        union all

        select
            'standard_attachment', standard_attachment_id::varchar, 'inventory', 'template_attachments', size
        from {{ ref("template_attachments") }}

        union all

        select
            'standard_template_attachment',
            links.standard_template_attachment_id::varchar,
            'inventory',
            'template_attachments',
            null
        from {{ ref("stg_otrs__standard_template_attachments") }} as links
        inner join
            {{ ref("template_attachments") }} as files
            on links.standard_attachment_id = files.standard_attachment_id

        union all

        select 'system_address', system_address_id::varchar, 'inventory', 'system_addresses', null
        from {{ ref("system_addresses") }}

        union all

        select 'sysconfig_modified', setting_change_id::varchar, 'inventory', 'settings', null
        from {{ ref("settings") }}

        union all

        select 'sysconfig_default', defaults.setting_id::varchar, 'inventory', 'settings', null
        from {{ ref("stg_otrs__setting_defaults") }} as defaults
        where defaults.setting_name in (select setting_name from {{ ref("settings") }})

        union all

        select 'sysconfig_default', defaults.setting_id::varchar, 'exclusion', 'setting_is_the_default', null
        from {{ ref("stg_otrs__setting_defaults") }} as defaults
        where defaults.setting_name not in (select setting_name from {{ ref("settings") }})

        union all

        select 'package_repository', package_id::varchar, 'inventory', 'packages', null
        from {{ ref("packages") }}

    ),

    -- what links nothing, since its other end is missing
    refused as (

        select 'service_sla' as source_table, concat_ws('|', service_id, sla_id) as source_id
        from {{ ref("stg_otrs__service_slas") }}
        where service_id not in (select service_id from {{ ref("inventory_services") }})

        union all

        select 'general_catalog_preferences', concat_ws('|', general_catalog_item_id, preference_key)
        from {{ ref("stg_otrs__general_catalog_preferences") }}
        where
            general_catalog_item_id not in (select general_catalog_item_id from {{ ref("general_catalog") }})

        union all

        select 'virtual_fs_preferences', concat_ws('|', virtual_file_id, preference_key)
        from {{ ref("stg_otrs__virtual_file_preferences") }}
        where virtual_file_id not in (select virtual_file_id from {{ ref("config_item_files") }})

        union all

        select 'queue_auto_response', queue_auto_response_id::varchar
        from {{ ref("stg_otrs__queue_auto_responses") }}
        where auto_response_id not in (select auto_response_id from {{ ref("auto_responses") }})

        union all

        select 'queue_standard_template', concat_ws('|', queue_id, standard_template_id)
        from {{ ref("stg_otrs__queue_standard_templates") }}
        where standard_template_id not in (select standard_template_id from {{ ref("templates") }})

        union all

        select 'standard_template_attachment', standard_template_attachment_id::varchar
        from {{ ref("stg_otrs__standard_template_attachments") }}
        where
            standard_attachment_id
            not in (select standard_attachment_id from {{ ref("template_attachments") }})

    )

select source_table, source_id, place, detail, bytes
from placed

union all

select source_table, source_id, 'exclusion', 'refers_to_a_missing_record', null
from refused

union all

select 'auto_response_type', auto_response_type_id::varchar, 'exclusion', 'kind_that_nothing_has', null
from {{ ref("stg_otrs__auto_response_types") }}
where auto_response_type_name not in (select type from {{ ref("auto_responses") }} where type is not null)

union all

select
    'virtual_fs_db',
    virtual_file_content_id::varchar,
    'exclusion',
    'content_of_no_file',
    octet_length(content)
from {{ ref("stg_otrs__virtual_file_contents") }}
where
    virtual_file_content_id not in (
        select virtual_file_content_id
        from {{ ref("config_item_files") }}
        where virtual_file_content_id is not null
    )
