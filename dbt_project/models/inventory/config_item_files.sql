-- One row per file of OTRS's virtual file system: the attachments of configuration items. Their bytes
-- stay in the extract; files kept on OTRS's disk are known by name only.
with
    preferences as (

        select
            virtual_file_id,
            max(preference_value) filter (preference_key = 'ContentType') as content_type,
            try_cast(max(preference_value) filter (preference_key = 'FilesizeRaw') as bigint) as stated_size,
            {{ json_object_of("preference_key", "preference_value", "preference_key") }} as preferences
        from {{ ref("stg_otrs__virtual_file_preferences") }}
        group by virtual_file_id

    ),

    contents as (

        select
            virtual_file_content_id,
            octet_length(content) as size,
            case when content is not null then sha256(content) end as sha256
        from {{ ref("stg_otrs__virtual_file_contents") }}

    ),

    files as (

        select
            virtual_file_id,
            file_path,
            backend,
            backend_key,
            created_at,
            try_cast(regexp_extract(file_path, '^ConfigItem/(\d+)/', 1) as bigint) as config_item_id,
            try_cast(regexp_extract(backend_key, 'FileID=(\d+)', 1) as bigint) as virtual_file_content_id
        from {{ ref("stg_otrs__virtual_files") }}

    )

select
    files.virtual_file_id,
    files.config_item_id,
    items.config_item_number,
    files.file_path,
    regexp_extract(files.file_path, '([^/]*)$', 1) as file_name,
    preferences.content_type,
    coalesce(contents.size, preferences.stated_size) as size,
    contents.sha256,
    files.virtual_file_content_id,
    preferences.preferences,
    files.created_at,
    case
        when contents.sha256 is null
        then 'its bytes are not in the database'
        when files.config_item_id is null
        then 'it belongs to no configuration item'
        when items.config_item_id is null
        then 'its configuration item does not exist'
    end as problem
from files
left join preferences on files.virtual_file_id = preferences.virtual_file_id
left join contents on files.virtual_file_content_id = contents.virtual_file_content_id
left join {{ ref("stg_otrs__config_items") }} as items on files.config_item_id = items.config_item_id
