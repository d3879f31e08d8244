-- What OTRS says beside what the plan says, field by field, for a sample of the records or for all of them.
-- Where the two differ, the value that a rule makes of OTRS's is computed here anew, from the source alone.
with
    requests as (select slot, lane, position, payload from {{ ref("requests") }}),

    -- The calls of people; an address that is held back has a call of its own.
    people_calls as (

        select calls.slot, json_merge_patch(calls.payload, coalesce(addresses.payload, '{}'::json)) as payload
        from requests as calls
        left join requests as addresses on calls.slot || '/email' = addresses.slot
        where calls.slot like 'contact/%'

    ),

    tickets as (

        select tickets.*, 'conversation/otrs:ticket:' || tickets.ticket_id as lane
        from {{ ref("stg_otrs__tickets") }} as tickets
        semi join
            requests on 'conversation/otrs:ticket:' || tickets.ticket_id = requests.slot
            {{ in_sample("tickets.ticket_id") }}

    ),

    first_articles as (

        select ticket_id, min(article_id) as article_id, arg_min(created_at, article_id) as created_at
        from {{ ref("stg_otrs__articles") }}
        group by ticket_id

    ),

    customer_users as (select * from {{ ref("stg_otrs__customer_users") }}),

    admins as (select admin_id, email from {{ ref("stg_intercom__admins") }}),

    -- The calls of a ticket's fields, side by side.
    ticket_calls as (

        select
            tickets.ticket_id
            {% for name, suffix in [
                ["created", ""],
                ["title", "/title"],
                ["number", "/attribute/OTRS ticket number"],
                ["queue", "/attribute/OTRS queue"],
                ["owner", "/attribute/OTRS owner"],
                ["created_attribute", "/attribute/OTRS created"],
                ["team", "/team"],
                ["teammate", "/teammate"],
                ["state", "/state"],
            ] %}
                ,
                any_value(requests.payload) filter (
                    requests.slot = tickets.lane || '{{ suffix }}'
                ) as {{ name }}
            {% endfor %}
        from tickets
        inner join requests on tickets.lane = requests.lane
        group by tickets.ticket_id

    ),

    -- Everybody who is one contact, as OTRS knows them.
    identities as (

        select
            identities.contact_key,
            list(customer_users.customer_user_login) as logins,
            list(lower(trim(customer_users.email))) as emails
        from {{ ref("contact_identities") }} as identities
        inner join customer_users on identities.otrs_customer_user_id = customer_users.customer_user_id
        group by identities.contact_key

    ),

    known_logins as (select distinct lower(customer_user_login) as login from customer_users),

    ticket_customers as (

        select
            tickets.ticket_id,
            nullif(trim(tickets.customer_user_login), '') as login,
            known_logins.login is not null as is_known,
            identities.logins,
            identities.emails,
            people.payload as person
        from tickets
        inner join ticket_calls on tickets.ticket_id = ticket_calls.ticket_id
        left join known_logins on lower(trim(tickets.customer_user_login)) = known_logins.login
        left join
            identities on (ticket_calls.created ->> '$.from.id."$ref"') = 'contact/' || identities.contact_key
        left join people_calls as people on (ticket_calls.created ->> '$.from.id."$ref"') = people.slot

    ),

    ticket_fields as (

        select
            tickets.ticket_id,
            unnest(
                [
                    {
                        'field':'title',
                        'source_value':tickets.title,
                        'rule': case
                            when coalesce(trim(tickets.title), '') = ''
                            then 'a_ticket_without_a_title_is_named_by_its_number'
                            else 'titles_are_sent_without_blanks_around_them'
                        end,
                        'ruled_value':coalesce(
                            nullif(trim(tickets.title), ''), 'OTRS ticket ' || tickets.ticket_number
                        ),
                        'applies':true,
                        'final_value': (calls.title ->> '$.title')
                    },
                    {
                        'field':'number',
                        'source_value':tickets.ticket_number,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value': (calls.number ->> '$.custom_attributes."OTRS ticket number"')
                    },
                    {
                        'field':'created',
                        'source_value':{{ unix_seconds("tickets.created_at") }}::varchar,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value': (calls.created_attribute ->> '$.custom_attributes."OTRS created"')
                    },
                    {
                        'field':'time of the conversation',
                        'source_value':{{ unix_seconds("tickets.created_at") }}::varchar,
                        'rule':'a_conversation_begins_with_its_first_article',
                        'ruled_value':{{ unix_seconds("first_articles.created_at") }}::varchar,
                        'applies':true,
                        'final_value': (calls.created ->> '$.created_at')
                    },
                    {
                        'field':'state',
                        'source_value':states.ticket_state_name,
                        'rule': case
                            when state_decisions.intercom_state = 'snoozed'
                            then 'pending_is_snoozed_until_its_time'
                            else 'mapping_of_ticket_states'
                        end,
                        'ruled_value': case
                            when state_decisions.intercom_state != 'snoozed'
                            then state_decisions.intercom_state
                            when state_types.ticket_state_type_name not like 'pending%'
                            then 'open'
                            when tickets.pending_until > profile.snapshot_at
                            then 'snoozed until ' || {{ unix_seconds("tickets.pending_until") }}
                            else 'open'
                        end,
                        'applies':true,
                        'final_value': case
                            coalesce(calls.state ->> '$.message_type', 'open')
                            when 'close'
                            then 'closed'
                            when 'snoozed'
                            then 'snoozed until ' || (calls.state ->> '$.snoozed_until')
                            else 'open'
                        end
                    },
                    {
                        'field':'queue',
                        'source_value':queues.queue_name,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value': (calls.queue ->> '$.custom_attributes."OTRS queue"')
                    },
                    {
                        'field':'team',
                        'source_value':queues.queue_name,
                        'rule':'mapping_of_queues',
                        'ruled_value':queue_decisions.team_name,
                        'applies':true,
                        'final_value':teams.team_name
                    },
                    {
                        'field':'owner',
                        'source_value':agents.agent_login,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value': (calls.owner ->> '$.custom_attributes."OTRS owner"')
                    },
                    {
                        'field':'teammate',
                        'source_value':agents.agent_login,
                        'rule': case
                            when tickets.owner_agent_id = 1
                            then 'tickets_of_the_system_itself_have_no_teammate'
                            else 'mapping_of_agents'
                        end,
                        'ruled_value': case
                            when tickets.owner_agent_id = 1
                            then null
                            when agent_decisions.target = 'teammate'
                            then lower(agent_decisions.teammate_email)
                            when '{{ var("fallback_teammate_email") }}' != ''
                            then lower('{{ var("fallback_teammate_email") }}')
                            else lower(me.email)
                        end,
                        'applies':true,
                        'final_value':lower(
                            coalesce(
                                admins.email,
                                case when (calls.teammate ->> '$.assignee_id') = me.admin_id then me.email end
                            )
                        )
                    }
                ],
                recursive := true
            )
        from tickets
        inner join ticket_calls as calls on tickets.ticket_id = calls.ticket_id
        cross join {{ ref("stg_otrs__source_profile") }} as profile
        left join {{ ref("stg_intercom__me") }} as me on true
        left join first_articles on tickets.ticket_id = first_articles.ticket_id
        left join
            {{ ref("stg_otrs__ticket_states") }} as states on tickets.ticket_state_id = states.ticket_state_id
        left join
            {{ ref("stg_otrs__ticket_state_types") }} as state_types
            on states.ticket_state_type_id = state_types.ticket_state_type_id
        left join
            {{ ref("ticket_states") }} as state_decisions
            on tickets.ticket_state_id = state_decisions.otrs_state_id
        left join {{ ref("stg_otrs__queues") }} as queues on tickets.queue_id = queues.queue_id
        left join {{ ref("queues") }} as queue_decisions on tickets.queue_id = queue_decisions.otrs_queue_id
        left join
            {{ ref("stg_intercom__teams") }} as teams on (calls.team ->> '$.assignee_id') = teams.team_id
        left join {{ ref("stg_otrs__agents") }} as agents on tickets.owner_agent_id = agents.agent_id
        left join
            {{ ref("agents") }} as agent_decisions on tickets.owner_agent_id = agent_decisions.otrs_agent_id
        left join admins on (calls.teammate ->> '$.assignee_id') = admins.admin_id

    ),

    customer_fields as (

        select
            ticket_id,
            'customer' as field,
            login as source_value,
            case
                when login is null
                then 'a_ticket_of_nobody_is_its_first_senders'
                when is_known
                then 'logins_are_compared_without_case'
                else 'a_customer_may_be_known_by_address_only'
            end as rule,
            case
                when login is null
                then coalesce(person ->> '$.email', (person ->> '$.external_id'))
                else lower(login)
            end as ruled_value,
            true as applies,
            case
                when list_contains(logins, login) or (person ->> '$.external_id') = login
                then login
                when is_known and list_contains(list_transform(logins, lambda one:lower(one)), lower(login))
                then lower(login)
                when not is_known and list_contains(emails, lower(login))
                then lower(login)
                when (person ->> '$.custom_attributes."otrs-email"') is not null
                then lower(person ->> '$.custom_attributes."otrs-email"')
                when login is not null and (person ->> '$.email') is not null
                then lower(person ->> '$.email')
                else coalesce(person ->> '$.email', (person ->> '$.external_id'))
            end as final_value
        from ticket_customers

    ),

    -- Articles, with all parts that carry their text: the first one, and continuations of one that is too
    -- long.
    sampled_parts as (

        select
            otrs_article_id as article_id, part_key, is_opening, {{ part_slot("parts") }} as slot, body_format
        from {{ ref("conversation_parts") }} as parts
        where otrs_article_id is not null
        {% if var("fields_sample") > 0 %}
            qualify
                dense_rank() over (order by md5(otrs_article_id::varchar), otrs_article_id)
                <= {{ var("fields_sample") }}
        {% endif %}

    ),

    article_parts as (

        select
            parts.article_id,
            bool_or(parts.is_opening) as is_opening,
            min(parts.body_format) as body_format,
            arg_min(requests.payload, parts.part_key) as payload,
            string_agg(requests.payload ->> '$.body', ' ' order by requests.position) as body
        from sampled_parts as parts
        inner join requests on parts.slot = requests.slot
        group by parts.article_id

    ),

    -- `[cid:…]` stands for an image, whose file the part names instead.
    texts as (

        select
            article_id,
            regexp_replace(arg_min(body, article_mime_data_id), '\[cid:[^\]]*\]', '', 'g') as body,
            contains(arg_min(body, article_mime_data_id), '[cid:') as has_images
        from {{ ref("stg_otrs__article_mime_data") }}
        where article_id in (select article_id from article_parts)
        group by article_id

    ),

    chats as (

        select article_id, string_agg(message_text, chr(10) order by line_number) as body
        from {{ ref("stg_otrs__chat_messages") }}
        where article_id in (select article_id from article_parts)
        group by article_id

    ),

    articles as (

        select
            articles.article_id,
            articles.created_at,
            articles.is_visible_for_customer,
            sender_types.article_sender_type_name as sender_type,
            article_parts.is_opening,
            article_parts.body_format,
            article_parts.payload,
            coalesce(texts.body, chats.body, '') as body,
            article_parts.body_format = 'text' and texts.body is not null as is_verbatim,
            case
                when article_parts.body_format = 'html'
                then {{ text_of_html("article_parts.body") }}
                when texts.has_images
                then regexp_replace(article_parts.body, '\[image: [^\]]*\]', '', 'g')
                else article_parts.body
            end as final_body
        from article_parts
        inner join
            {{ ref("stg_otrs__articles") }} as articles on article_parts.article_id = articles.article_id
        left join texts on article_parts.article_id = texts.article_id
        left join chats on article_parts.article_id = chats.article_id
        left join
            {{ ref("stg_otrs__article_sender_types") }} as sender_types
            on articles.article_sender_type_id = sender_types.article_sender_type_id

    ),

    words as (select article_id, unnest({{ words_of("body") }}) as word from articles),

    final_words as (select article_id, unnest({{ words_of("final_body") }}) as word from articles),

    lost_words as (

        select words.article_id, words.word
        from words
        anti join final_words on words.article_id = final_words.article_id and words.word = final_words.word

    ),

    -- Where a word of the plain text is not in the message, the message may say what the HTML body says.
    -- It is read here where its bytes are UTF-8.
    html_bodies as (

        select attachments.article_id, try(decode(contents.content)) as html
        from
            (
                select article_id, attachment_key
                from {{ ref("stg_otrs__article_attachments") }}
                where
                    filename in ('file-1', 'file-2', 'file-1.html')
                    and content_type ilike '%text/html%'
                    and coalesce(disposition, 'inline') = 'inline'
                    and article_id in (select article_id from lost_words)
                qualify
                    row_number() over (partition by article_id order by filename, attachment_id nulls last)
                    = 1
            ) as attachments
        inner join
            {{ ref("stg_otrs__attachment_contents") }} as contents
            on attachments.attachment_key = contents.attachment_key

    ),

    html_words as (select article_id, unnest({{ words_of(text_of_html("html")) }}) as word from html_bodies),

    lost_html_words as (

        select html_words.article_id, count(*) as lost
        from html_words
        anti join
            final_words
            on html_words.article_id = final_words.article_id
            and html_words.word = final_words.word
        group by html_words.article_id

    ),

    article_words as (

        select
            words.article_id,
            words.words,
            words.words - coalesce(lost.lost, 0) as found,
            html_bodies.article_id is not null and coalesce(lost_html.lost, 0) = 0 as says_the_html
        from (select article_id, count(*) as words from words group by article_id) as words
        left join
            (select article_id, count(*) as lost from lost_words group by article_id) as lost
            on words.article_id = lost.article_id
        left join html_bodies on words.article_id = html_bodies.article_id
        left join lost_html_words as lost_html on words.article_id = lost_html.article_id

    ),

    article_fields as (

        select
            articles.article_id,
            unnest(
                [
                    {
                        'field':'time',
                        'source_value':{{ unix_seconds("articles.created_at") }}::varchar,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value': (articles.payload ->> '$.created_at')
                    },
                    {
                        'field':'author',
                        'source_value':articles.sender_type,
                        'rule': case
                            when articles.sender_type = 'customer'
                            then 'hidden_words_of_a_customer_are_a_note'
                            else 'the_system_speaks_through_a_teammate'
                        end,
                        'ruled_value':'agent',
                        'applies':coalesce(articles.sender_type, '') not in ('agent', 'customer')
                        or (articles.sender_type = 'customer' and not articles.is_visible_for_customer),
                        'final_value': case
                            when
                                (articles.payload ->> '$.intercom_user_id."$ref"') like 'contact/%'
                                or (articles.payload ->> '$.from.id."$ref"') like 'contact/%'
                            then 'customer'
                            when (articles.payload ->> '$.admin_id') is not null
                            then 'agent'
                        end
                    },
                    {
                        'field':'visibility',
                        'source_value': case
                            when articles.is_visible_for_customer then 'visible' else 'internal'
                        end,
                        'rule':'articles_of_the_system_are_notes',
                        'ruled_value':'internal',
                        'applies':coalesce(articles.sender_type, '') not in ('agent', 'customer'),
                        'final_value': case
                            when (articles.payload ->> '$.message_type') = 'note'
                            then 'internal'
                            else 'visible'
                        end
                    },
                    {
                        'field':'words of the text',
                        'source_value':coalesce(article_words.words, 0)::varchar,
                        'rule':'the_html_body_is_the_text',
                        'ruled_value':coalesce(article_words.found, 0)::varchar,
                        'applies':coalesce(article_words.says_the_html, false),
                        'final_value':coalesce(article_words.found, 0)::varchar
                    },
                    {
                        'field':'text',
                        'source_value': case when articles.is_verbatim then 'word for word' end,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value': case
                            when not articles.is_verbatim
                            then null
                            when
                                contains(
                                    regexp_replace(articles.final_body, '\s+', '', 'g'),
                                    regexp_replace(articles.body, '\s+', '', 'g')
                                )
                            then 'word for word'
                            else 'other words, or in another order'
                        end
                    }
                ],
                recursive := true
            )
        from articles
        left join article_words on articles.article_id = article_words.article_id

    ),

    files_sent as (

        select
            unnest(json_extract_string(payload, '$.attachment_files[*].data."$file"')) as file_key,
            unnest(json_extract_string(payload, '$.attachment_files[*].name')) as name
        from requests
        where json_array_length(payload, '$.attachment_files') > 0

    ),

    sampled_files as (select file_key, name from files_sent {{ in_sample("file_key") }}),

    file_fields as (

        select
            files.file_key,
            unnest(
                [
                    {
                        'field':'name',
                        'source_value':attachments.filename,
                        'rule':'a_file_without_a_name_gets_one',
                        'ruled_value': case when files.name != '' then files.name end,
                        'applies':coalesce(trim(attachments.filename), '') = '',
                        'final_value':files.name
                    },
                    {
                        'field':'size',
                        'source_value':contents.size::varchar,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value':part_files.size::varchar
                    },
                    {
                        'field':'sha256',
                        'source_value':contents.sha256,
                        'rule':null,
                        'ruled_value':null,
                        'applies':false,
                        'final_value':part_files.sha256
                    }
                ],
                recursive := true
            )
        from sampled_files as files
        left join {{ ref("part_files") }} as part_files on files.file_key = part_files.file_key
        left join
            {{ ref("stg_otrs__article_attachments") }} as attachments
            on files.file_key = attachments.attachment_key
        left join
            {{ ref("stg_otrs__attachment_contents") }} as contents on files.file_key = contents.attachment_key

    ),

    sampled_people as (select * from customer_users {{ in_sample("customer_user_id") }}),

    people as (

        select
            people.*,
            nullif(
                trim(concat_ws(' ', nullif(trim(people.first_name), ''), nullif(trim(people.last_name), ''))),
                ''
            ) as full_name,
            coalesce(nullif(trim(people.phone), ''), nullif(trim(people.mobile), '')) as any_phone,
            identities.is_primary,
            calls.payload,
            -- whoever gave the contact its external id has the same address
            others.customer_user_id is not null as is_shared
        from sampled_people as people
        left join
            {{ ref("contact_identities") }} as identities
            on people.customer_user_id = identities.otrs_customer_user_id
        left join people_calls as calls on 'contact/' || identities.contact_key = calls.slot
        left join
            customer_users as others
            on others.customer_user_login = (calls.payload ->> '$.external_id')
            and lower(trim(others.email)) = lower(trim(people.email))

    ),

    person_fields as (

        select
            customer_user_id,
            is_primary,
            unnest(
                [
                    {
                        'field':'login',
                        'source_value':customer_user_login,
                        'rule':'logins_with_one_address_are_one_contact',
                        'ruled_value': case when is_shared then (payload ->> '$.external_id') end,
                        'applies':is_shared,
                        'final_value': (payload ->> '$.external_id')
                    },
                    {
                        'field':'address',
                        'source_value':nullif(email, ''),
                        'rule':'addresses_are_compared_without_case',
                        'ruled_value':nullif(lower(trim(email)), ''),
                        'applies':true,
                        'final_value': case
                            when (payload ->> '$.email') = email
                            then email
                            else
                                lower(
                                    coalesce(
                                        (payload ->> '$.email'),
                                        (payload ->> '$.custom_attributes."otrs-email"')
                                    )
                                )
                        end
                    },
                    {
                        'field':'name',
                        'source_value':full_name,
                        'rule':'logins_with_one_address_are_one_contact',
                        'ruled_value': (payload ->> '$.name'),
                        'applies': not is_primary,
                        'final_value': (payload ->> '$.name')
                    },
                    {
                        'field':'phone',
                        'source_value':any_phone,
                        'rule': case
                            when is_primary
                            then 'numbers_are_sent_with_their_country_code'
                            else 'logins_with_one_address_are_one_contact'
                        end,
                        'ruled_value': case
                            when is_primary
                            then 'ends in ' || right(regexp_replace(any_phone, '[^0-9]', '', 'g'), 4)
                        end,
                        'applies':is_primary,
                        'final_value': case
                            when not is_primary
                            then any_phone
                            when (payload ->> '$.custom_attributes."otrs-phone"') = any_phone
                            then any_phone
                            else
                                'ends in '
                                || right(regexp_replace(payload ->> '$.phone', '[^0-9]', '', 'g'), 4)
                        end
                    }
                ],
                recursive := true
            )
        from people

    ),

    company_fields as (

        select
            companies.customer_id,
            unnest(
                [
                    {
                        'field':'key',
                        'source_value':companies.customer_id,
                        'final_value': (requests.payload ->> '$.company_id')
                    },
                    {
                        'field':'name',
                        'source_value':companies.company_name,
                        'final_value': (requests.payload ->> '$.name')
                    }
                ],
                recursive := true
            )
        from
            (
                select customer_id, company_name
                from {{ ref("stg_otrs__customer_companies") }} {{ in_sample("customer_id") }}
            ) as companies
        left join
            {{ ref("companies") }} as final_companies on companies.customer_id = final_companies.company_id
        left join requests on 'company/' || final_companies.company_key = requests.slot

    ),

    compared as (

        select 'Ticket' as object, 1 as position, ticket_id::varchar as key, * exclude ticket_id
        from ticket_fields
        union all by name
        select 'Ticket' as object, 1 as position, ticket_id::varchar as key, * exclude ticket_id
        from customer_fields
        union all by name
        select 'Article' as object, 2 as position, article_id::varchar as key, * exclude article_id
        from article_fields
        where field != 'text' or source_value is not null
        union all by name
        select 'Attachment' as object, 3 as position, file_key as key, * exclude file_key
        from file_fields
        union all by name
        select
            'Customer' as object,
            4 as position,
            customer_user_id::varchar as key,
            * exclude (customer_user_id, is_primary)
        from person_fields
        where is_primary or field in ('login', 'address')
        union all by name
        select 'Company' as object, 5 as position, customer_id as key, * exclude customer_id
        from company_fields

    )

select
    object,
    key,
    field,
    source_value,
    final_value,
    case
        when source_value is not distinct from final_value
        then 'identical'
        when applies and ruled_value is not distinct from final_value
        then 'transformed by rule ' || rule
        else 'different'
    end as status
from compared
