-- Files that a person should look at: nothing is dropped silently.
with
    files as (select * from {{ ref("int_files_decided") }}),

    flagged as (

        select *, 'over_size_limit' as reason, 'kept outside Intercom, the part has the link' as outcome
        from files
        where exclusion_code = 'file_over_size_limit'

        union all

        select *, 'missing', 'not sent, the part says so'
        from files
        where exclusion_code = 'file_missing'

        union all

        select *, 'empty', 'sent; Intercom may refuse it'
        from files
        where exclusion_code is null and size_bytes = 0

        union all

        select *, 'program', 'sent; Intercom may refuse it'
        from files
        where
            exclusion_code is null
            and regexp_matches(file_name, '(?i)[.]({{ var("program_file_types") | join("|") }})[. ]*$')

    )

select
    file_key,
    article_id,
    ticket_id,
    file_name,
    media_type,
    size_bytes,
    reason,
    outcome,
    storage_link as link,
    missing_reason
from flagged
