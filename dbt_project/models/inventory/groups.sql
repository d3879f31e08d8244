-- One row per group. A queue belongs to one group; whoever has a permission in the group has it in its
-- queues.
with
    queues as (

        select group_id, count(*) as queue_count, string_agg(queue_name, ', ' order by queue_name) as queues
        from {{ ref("stg_otrs__queues") }}
        group by group_id

    )

select
    groups.group_id,
    groups.group_name,
    groups.remark,
    groups.is_valid,
    coalesce(queues.queue_count, 0) as queue_count,
    queues.queues,
    groups.created_at,
    groups.changed_at
from {{ ref("stg_otrs__groups") }} as groups
left join queues on groups.group_id = queues.group_id
