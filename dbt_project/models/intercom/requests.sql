-- The plan: one row per thing that must be so in Intercom, with the call that makes it so.
--
-- Within a conversation's lane: create, participants, parts in their order, title and attributes and company
-- (adjacent, so that they travel as one PUT), tags, team, teammate, and the state last, since replies and
-- assignments reopen a conversation.
with
    me as (select max(admin_id) as admin_id from {{ ref("stg_intercom__me") }}),

    receipts as (select slot from {{ ref("stg_ledger__receipts") }} where outcome != 'rolled_back'),

    -- What the workspace has already, and not from us, is used as it is.
    existing_attributes as (

        select 'contact' as model, attribute_name
        from {{ ref("stg_intercom__contact_attributes") }}
        where not is_archived
        union all
        select 'company', attribute_name
        from {{ ref("stg_intercom__company_attributes") }}
        where not is_archived
        union all
        select 'conversation', attribute_name
        from {{ ref("stg_intercom__conversation_attributes") }}
        where not is_archived

    ),

    wanted_attributes as (

        select
            attributes.*,
            case
                when attributes.model = 'conversation'
                then 'conversation_attribute/' || attributes.name
                else 'data_attribute/' || attributes.model || '/' || attributes.name
            end as object_key
        from {{ ref("data_attributes") }} as attributes

    ),

    attribute_requests as (

        select
            wanted.object_key as slot,
            {{ content_hash(["wanted.name", "wanted.data_type"]) }} as content_hash,
            1 as phase,
            wanted.object_key as lane,
            0::bigint as position,
            case
                when wanted.model = 'conversation'
                then 'conversation_attribute.create'
                else 'data_attribute.create'
            end as kind,
            'POST' as method,
            case
                when wanted.model = 'conversation' then '/conversations/attributes' else '/data_attributes'
            end as path,
            {{
                without_nulls(
                    "json_object('name', wanted.name, 'data_type', wanted.data_type,"
                    " 'description', wanted.description,"
                    " 'model', case when wanted.model != 'conversation' then wanted.model end)"
                )
            }} as payload,
            null::json as on_conflict_payload,
            wanted.object_key as creates,
            'keep' as on_absent,
            'mapping' as source_table,
            wanted.name as source_id
        from wanted_attributes as wanted
        left join
            existing_attributes as existing
            on wanted.model = existing.model
            and lower(wanted.name) = lower(existing.attribute_name)
        where existing.attribute_name is null or wanted.object_key in (select slot from receipts)

    ),

    tag_requests as (

        select
            'tag/' || tag_name as slot,
            {{ content_hash(["tag_name"]) }} as content_hash,
            1 as phase,
            'tag/' || tag_name as lane,
            0::bigint as position,
            'tag.create' as kind,
            'POST' as method,
            '/tags' as path,
            json_object('name', tag_name) as payload,
            null::json as on_conflict_payload,
            'tag/' || tag_name as creates,
            'keep' as on_absent,
            source as source_table,
            tag_name as source_id
        from {{ ref("tags") }}

    ),

    company_requests as (

        select
            'company/' || company_key as slot,
            {{ content_hash(["company_id", "name", "website", unix_seconds("remote_created_at")]) }}
            as content_hash,
            2 as phase,
            'company/' || company_key as lane,
            0::bigint as position,
            'company.upsert' as kind,
            'POST' as method,
            '/companies' as path,
            {{
                without_nulls(
                    "json_object('company_id', company_id, 'name', name, 'website', website,"
                    " 'remote_created_at', " ~ unix_seconds("remote_created_at") ~ ")"
                )
            }} as payload,
            null::json as on_conflict_payload,
            'company/' || company_key as creates,
            'report' as on_absent,
            'customer_company' as source_table,
            company_id as source_id
        from {{ ref("companies") }}

    ),

    contact_requests as (

        select
            'contact/' || contact_key as slot,
            {{
                content_hash(
                    [
                        "external_id",
                        "otrs_email",
                        "name",
                        "otrs_phone",
                        "otrs_login",
                        "otrs_customer_id",
                        unix_seconds("signed_up_at"),
                    ]
                )
            }} as content_hash,
            3 as phase,
            'contact/' || contact_key as lane,
            0::bigint as position,
            'contact.upsert' as kind,
            'POST' as method,
            '/contacts' as path,
            {{
                without_nulls(
                    "json_object('role', role, 'external_id', external_id, 'email', email, 'name', name,"
                    " 'phone', phone, 'signed_up_at', " ~ unix_seconds("signed_up_at") ~ ","
                    " 'custom_attributes', json_object('otrs-login', otrs_login,"
                    " 'otrs-customer-id', otrs_customer_id,"
                    " 'otrs-email', case when email is null then otrs_email end,"
                    " 'otrs-phone', otrs_phone))"
                )
            }} as payload,
            {{
                without_nulls(
                    "json_object('custom_attributes', json_object('otrs-login', otrs_login,"
                    " 'otrs-customer-id', otrs_customer_id, 'otrs-phone', otrs_phone))"
                )
            }} as on_conflict_payload,
            'contact/' || contact_key as creates,
            'report' as on_absent,
            source_table,
            source_id
        from {{ ref("contacts") }}

    ),

    membership_requests as (

        select
            'contact/' || contact_key || '/company/' || company_key as slot,
            {{ content_hash(["contact_key", "company_key"]) }} as content_hash,
            4 as phase,
            'contact/' || contact_key as lane,
            row_number() over (partition by contact_key order by company_key) as position,
            'contact.company' as kind,
            'POST' as method,
            '/contacts/{contact/' || contact_key || '}/companies' as path,
            json_object('id', json_object('$ref', 'company/' || company_key)) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            'customer_user' as source_table,
            contact_key as source_id
        from {{ ref("contact_companies") }}

    ),

    conversations as (

        select
            *,
            'conversation/' || conversation_key as lane,
            '/conversations/{conversation/' || conversation_key || '}' as conversation_path
        from {{ ref("conversations") }}

    ),

    openings as (select conversation_key, content_hash from {{ ref("conversation_parts") }} where is_opening),

    conversation_requests as (

        select
            conversations.lane as slot,
            {{
                content_hash(
                    ["conversations.otrs_ticket_number", "conversations.chunk", "openings.content_hash"]
                )
            }} as content_hash,
            5 as phase,
            conversations.lane,
            0::bigint as position,
            'conversation.create' as kind,
            'POST' as method,
            '/conversations' as path,
            json_object(
                'from',
                json_object(
                    'type', 'user', 'id', json_object('$ref', 'contact/' || conversations.contact_key)
                ),
                'body',
                conversations.body,
                'created_at',
                {{ unix_seconds("conversations.created_at") }}
            ) as payload,
            null::json as on_conflict_payload,
            conversations.lane as creates,
            'report' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from conversations
        inner join openings on conversations.conversation_key = openings.conversation_key

    ),

    participant_requests as (

        select
            conversations.lane || '/participant/' || participants.contact_key as slot,
            {{ content_hash(["participants.contact_key"]) }} as content_hash,
            5 as phase,
            conversations.lane,
            row_number() over (partition by conversations.lane order by participants.contact_key) as position,
            'conversation.participant' as kind,
            'POST' as method,
            conversations.conversation_path || '/customers' as path,
            json_object(
                'admin_id',
                me.admin_id,
                'customer',
                json_object('intercom_user_id', json_object('$ref', 'contact/' || participants.contact_key))
            ) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from {{ ref("conversation_participants") }} as participants
        inner join conversations on participants.conversation_key = conversations.conversation_key
        cross join me

    ),

    files as (

        select
            part_key,
            to_json(
                list(
                    json_object(
                        'name', name, 'content_type', content_type, 'data', json_object('$file', file_key)
                    )
                    order by position
                )
            ) as attachment_files
        from {{ ref("part_files") }}
        group by part_key

    ),

    part_requests as (

        select
            conversations.lane || '/part/' || parts.part_key as slot,
            parts.content_hash,
            5 as phase,
            conversations.lane,
            1000000 + parts.position as position,
            'conversation.reply' as kind,
            'POST' as method,
            conversations.conversation_path || '/reply' as path,
            {{
                without_nulls(
                    "json_object("
                    "'message_type', case when parts.part_type = 'admin_note' then 'note' else 'comment' end,"
                    " 'type', case when parts.part_type = 'contact_comment' then 'user' else 'admin' end,"
                    " 'intercom_user_id', case when parts.part_type = 'contact_comment'"
                    " then json_object('$ref', 'contact/' || parts.author_key) end,"
                    " 'admin_id', case when parts.part_type != 'contact_comment' then parts.admin_id end,"
                    " 'body', parts.body,"
                    " 'created_at', " ~ unix_seconds("parts.created_at") ~ ","
                    " 'attachment_files', files.attachment_files,"
                    " 'skip_notifications', case when parts.part_type != 'contact_comment' then true end)"
                )
            }} as payload,
            null::json as on_conflict_payload,
            'part/' || parts.part_key as creates,
            'report' as on_absent,
            'article' as source_table,
            parts.otrs_article_id::varchar as source_id
        from {{ ref("conversation_parts") }} as parts
        inner join conversations on parts.conversation_key = conversations.conversation_key
        left join files on parts.part_key = files.part_key
        where not parts.is_opening

    ),

    title_requests as (

        select
            lane || '/title' as slot,
            {{ content_hash(["title"]) }} as content_hash,
            10000000::bigint as position,
            json_object('title', title) as payload,
            lane,
            conversation_path,
            otrs_ticket_id
        from conversations

    ),

    company_link_requests as (

        select
            lane || '/company' as slot,
            {{ content_hash(["company_key"]) }} as content_hash,
            10000001::bigint as position,
            json_object('company_id', json_object('$ref', 'company/' || company_key)) as payload,
            lane,
            conversation_path,
            otrs_ticket_id
        from conversations
        where company_key is not null

    ),

    attribute_value_requests as (

        select
            conversations.lane || '/attribute/' || attributes.name as slot,
            {{ content_hash(["attributes.otrs_value"]) }} as content_hash,
            10000001
            + row_number() over (partition by conversations.lane order by attributes.name) as position,
            json_object('custom_attributes', json_object(attributes.name, attributes.value)) as payload,
            conversations.lane,
            conversations.conversation_path,
            conversations.otrs_ticket_id
        from {{ ref("conversation_attributes") }} as attributes
        inner join conversations on attributes.conversation_key = conversations.conversation_key

    ),

    update_requests as (

        select
            slot,
            content_hash,
            5 as phase,
            lane,
            position,
            'conversation.attribute' as kind,
            'PUT' as method,
            conversation_path as path,
            payload,
            null::json as on_conflict_payload,
            null as creates,
            'report' as on_absent,
            'ticket' as source_table,
            otrs_ticket_id::varchar as source_id
        from
            (
                select *
                from title_requests
                union all by name
                select *
                from company_link_requests
                union all by name
                select *
                from attribute_value_requests
            )

    ),

    tagging_requests as (

        select
            conversations.lane || '/tag/' || tags.tag_name as slot,
            {{ content_hash(["tags.tag_name"]) }} as content_hash,
            5 as phase,
            conversations.lane,
            20000000 + row_number() over (partition by conversations.lane order by tags.tag_name) as position,
            'conversation.tag' as kind,
            'POST' as method,
            conversations.conversation_path || '/tags' as path,
            json_object(
                'id', json_object('$ref', 'tag/' || tags.tag_name), 'admin_id', me.admin_id
            ) as payload,
            null::json as on_conflict_payload,
            null as creates,
            'undo' as on_absent,
            'ticket' as source_table,
            conversations.otrs_ticket_id::varchar as source_id
        from {{ ref("conversation_tags") }} as tags
        inner join conversations on tags.conversation_key = conversations.conversation_key
        cross join me

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
                assignments.assignee_id
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
        where assignments.assignee_id is not null

    ),

    state_requests as (

        select
            conversations.lane || '/state' as slot,
            {{
                content_hash(
                    [
                        "decided.otrs_state_type",
                        unix_seconds("decided.pending_until"),
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

    ),

    united as (
        {% for part in [
            "attribute_requests",
            "tag_requests",
            "company_requests",
            "contact_requests",
            "membership_requests",
            "conversation_requests",
            "participant_requests",
            "part_requests",
            "update_requests",
            "tagging_requests",
            "assignment_requests",
            "state_requests",
        ] %}
            select *
            from {{ part }}
            {% if not loop.last %}
                union all by name
            {% endif %}
        {% endfor %}
    )

select
    slot,
    content_hash,
    md5(concat_ws('|', method, path, payload::varchar, on_conflict_payload::varchar)) as payload_hash,
    phase,
    lane,
    position,
    kind,
    method,
    path,
    payload,
    on_conflict_payload,
    creates,
    on_absent,
    source_table,
    source_id
from united
