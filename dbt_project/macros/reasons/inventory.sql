{# Records of the inventory's tables for which a reason to leave them out holds, told from the source alone. #}
{% macro exclusion_predicates_inventory() %}
    -- the key of each node is its own path: it says nothing that the other rows do not
    select
        'xml_storage' as source_table,
        concat_ws('|', xml_type, xml_key, value_path) as source_id,
        'bookkeeping_of_the_xml_store' as reason_code
    from {{ ref("stg_otrs__xml_values") }}
    where
        right(value_path, 10) = '{''TagKey''}'
        and replace(coalesce(value, ''), '{''otobo_stats''}', '{''otrs_stats''}') || '{''TagKey''}'
        = value_path

    union all

    select 'sysconfig_default', defaults.setting_id::varchar, 'setting_is_the_default'
    from {{ ref("stg_otrs__setting_defaults") }} as defaults
    anti join
        {{ ref("stg_otrs__setting_changes") }} as changes on defaults.setting_name = changes.setting_name

    union all

    select 'service_sla', concat_ws('|', links.service_id, links.sla_id), 'refers_to_a_missing_record'
    from {{ ref("stg_otrs__service_slas") }} as links
    anti join {{ ref("stg_otrs__services") }} as services on links.service_id = services.service_id

    union all

    select
        'general_catalog_preferences',
        concat_ws('|', preferences.general_catalog_item_id, preferences.preference_key),
        'refers_to_a_missing_record'
    from {{ ref("stg_otrs__general_catalog_preferences") }} as preferences
    anti join
        {{ ref("stg_otrs__general_catalog_items") }} as items
        on preferences.general_catalog_item_id = items.general_catalog_item_id

    union all

    select
        'virtual_fs_preferences',
        concat_ws('|', preferences.virtual_file_id, preferences.preference_key),
        'refers_to_a_missing_record'
    from {{ ref("stg_otrs__virtual_file_preferences") }} as preferences
    anti join
        {{ ref("stg_otrs__virtual_files") }} as files on preferences.virtual_file_id = files.virtual_file_id

    union all

    select 'queue_auto_response', links.queue_auto_response_id::varchar, 'refers_to_a_missing_record'
    from {{ ref("stg_otrs__queue_auto_responses") }} as links
    anti join
        {{ ref("stg_otrs__auto_responses") }} as responses
        on links.auto_response_id = responses.auto_response_id

    union all

    select
        'queue_standard_template',
        concat_ws('|', links.queue_id, links.standard_template_id),
        'refers_to_a_missing_record'
    from {{ ref("stg_otrs__queue_standard_templates") }} as links
    anti join
        {{ ref("stg_otrs__standard_templates") }} as templates
        on links.standard_template_id = templates.standard_template_id

    union all

    select
        'standard_template_attachment',
        links.standard_template_attachment_id::varchar,
        'refers_to_a_missing_record'
    from {{ ref("stg_otrs__standard_template_attachments") }} as links
    anti join
        {{ ref("stg_otrs__standard_attachments") }} as files
        on links.standard_attachment_id = files.standard_attachment_id

    union all

    select 'auto_response_type', types.auto_response_type_id::varchar, 'kind_that_nothing_has'
    from {{ ref("stg_otrs__auto_response_types") }} as types
    anti join
        {{ ref("stg_otrs__auto_responses") }} as responses
        on types.auto_response_type_id = responses.auto_response_type_id

    union all

    select 'virtual_fs_db', contents.virtual_file_content_id::varchar, 'content_of_no_file'
    from {{ ref("stg_otrs__virtual_file_contents") }} as contents
    anti join
        {{ ref("stg_otrs__virtual_files") }} as files
        on files.backend_key like '%FileID=' || contents.virtual_file_content_id || ';%'
{% endmacro %}
