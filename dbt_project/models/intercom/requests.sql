-- The plan: one row per thing that must be so in Intercom, with the call that makes it so.
--
-- Each model of `intermediate/requests` plans one kind of object. Within a conversation's lane: create,
-- participants, parts in their order, title and attributes and company (adjacent, so that they travel as one
-- PUT), tags, team, teammate, and the state last, since replies and assignments reopen a conversation.
with
    united as (
        {% for part in [
            "int_definition_requests",
            "int_stored_file_requests",
            "int_company_requests",
            "int_contact_requests",
            "int_conversation_requests",
            "int_part_requests",
            "int_attribute_value_requests",
            "int_tagging_requests",
            "int_state_requests",
            "int_link_requests",
            "int_help_centre_requests",
        ] %}
            select *
            from {{ ref(part) }}
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
