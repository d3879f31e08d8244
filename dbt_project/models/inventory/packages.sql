-- One row per installed package.
select
    package_id,
    package_name,
    package_version,
    vendor,
    install_status,
    filename as file_name,
    created_at as installed_at,
    changed_at
from {{ ref("stg_otrs__packages") }}
