-- One request per file that is kept outside Intercom: the loader writes it to the storage, not to Intercom.
select
    slot,
    {{ content_hash(["sha256", "max(size)"]) }} as content_hash,
    1 as phase,
    slot as lane,
    0::bigint as position,
    'file.store' as kind,
    'PUT' as method,
    storage_path as path,
    json_object('data', json_object('$file', min(file_key)), 'size', max(size), 'sha256', sha256) as payload,
    null::json as on_conflict_payload,
    null as creates,
    -- the part with the link stays as well
    'keep' as on_absent,
    'article_data_mime_attachment' as source_table,
    min(file_key) as source_id
from {{ ref("stored_files") }}
group by slot, storage_path, sha256
