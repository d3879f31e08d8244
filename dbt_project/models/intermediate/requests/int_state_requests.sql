-- Team, teammate, and the state last: assignments reopen a conversation.
with
    me as (select max(admin_id) as admin_id from {{ ref("stg_intercom__me") }}),

    settled_assignments as (

        select slot from {{ ref("stg_ledger__receipts") }} where kind = 'conversation.assignment'

    ),

    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    assignment_requests as (

        select
            conversations.lane || assignments.suffix as slot,
            md5(json_array(assignments.otrs_value)::varchar) as content_hash,
            5 as phase,
            conversations.lane,
            assignments.position,
            'conversation.assignment' as kind,
            'POST' as method,
            conversations.conversation_path || '/parts' as path,
            json_object(
                'message_type',
                'assignment',
                'type',
                assignments.assignee_type,
                'admin_id',
                me.admin_id,
                'assignee_id',
                -- 0 takes an assignment back
                coalesce(assignments.assignee_id, '0')
            ) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'report' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from conversations
        cross join me
        cross join
            lateral(
                select
                    unnest(
                        [
                            {
                                'suffix':'/team',
                                'assignee_type':'team',
                                'assignee_id':conversations.team_id,
                                'otrs_value':conversations.otrs_queue,
                                'position':30000000::bigint
                            },
                            {
                                'suffix':'/teammate',
                                'assignee_type':'admin',
                                'assignee_id':conversations.teammate_admin_id,
                                'otrs_value':conversations.otrs_owner,
                                'position':30000001::bigint
                            }
                        ],
                        recursive := true
                    )
            ) as assignments
        left join settled_assignments on conversations.lane || assignments.suffix = settled_assignments.slot
        where assignments.assignee_id is not null or settled_assignments.slot is not null

    ),

    state_requests as (

        select
            conversations.lane || '/state' as slot,
            {{
                content_hash(
                    [
                        "decided.decided_state",
                        "case when decided.decided_state = 'snoozed' then "
                        ~ unix_seconds("decided.pending_until")
                        ~ " end",
                    ]
                )
            }} as content_hash,
            5 as phase,
            conversations.lane,
            40000000::bigint as position,
            'conversation.state' as kind,
            'POST' as method,
            conversations.conversation_path || '/parts' as path,
            {{
                without_nulls(
                    "json_object("
                    "'message_type', case conversations.state when 'closed' then 'close'"
                    " when 'snoozed' then 'snoozed' else 'open' end,"
                    " 'type', case when conversations.state = 'closed' then 'admin' end,"
                    " 'admin_id', me.admin_id,"
                    " 'snoozed_until', " ~ unix_seconds("conversations.snoozed_until") ~ ")"
                )
            }} as payload,
            null::json as on_conflict_payload,
            null as creates,
            'report' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from conversations
        inner join
            {{ ref("int_tickets_decided") }} as decided on conversations.otrs_ticket_id = decided.ticket_id
        cross join me

    )

select *
from assignment_requests
union all by name
select *
from state_requests
