"""Handlers for conversations: start, reply, state, assignment, tags, participants, search.

Intercom REST 2.16, conversations. A conversation is started by a contact in plain text; files come with
replies; what a client may date is the start and the replies, everything else happens now.
"""

import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from load.simulator import attributes, content, rules, search, shapes
from load.simulator.call import Call, Page, page_of
from load.simulator.companies import company_row
from load.simulator.contacts import contact_row
from load.simulator.definitions import acting_admin, admin_row, tag_row, team_row
from load.simulator.rules import File, Refusal, invalid

_PAGE, _LARGEST_PAGE, _LARGEST_DELETED_PAGE = 20, 150, 60
_SENDERS = {"user", "lead", "contact"}
_ONE_OF = ("intercom_user_id", "user_id", "email")


@dataclass(frozen=True)
class _Part:
    """A part to be written."""

    part_type: str
    author_type: str
    author_id: str
    origin: str
    body: str | None = None
    is_html: bool = False
    created_at: int | None = None
    assigned: tuple[str, str | None] | None = None
    event: dict[str, Any] | None = None
    files: Sequence[File] = ()


def conversation_row(call: Call, message: str = "Resource Not Found") -> sqlite3.Row:
    """The conversation of the path; one whose snooze has ended is open.

    Raises:
        Refusal: there is none; 404.
    """
    wanted = call.params["conversation_id"]
    row = call.row("select * from conversations where id = ?", int(wanted)) if wanted.isdecimal() else None
    if row is None:
        raise Refusal(404, "not_found", message)
    if row["state"] == "snoozed" and row["snoozed_until"] <= call.now:
        call.tx.execute("update conversations set state = 'open', snoozed_until = null where id = ?", (row["id"],))
        return conversation_row(call)
    return row


def create_conversation(call: Call) -> dict[str, Any]:
    """POST /conversations: by a contact, in plain text, without files; answers with a message."""
    body = call.body
    sender = body.get("from")
    if not isinstance(sender, dict) or sender.get("type") not in _SENDERS:
        raise invalid("from must have a type of user, lead or contact, and an id")
    contact_id = rules.needed(sender, "id")
    for name in ("attachment_files", "title", "custom_attributes", "assignee", "tags", "state"):
        if name in body:
            raise invalid(f"{name} can not be given when a conversation is started")
    contact = contact_row(call, contact_id)
    if call.instant < contact["created_at"] + call.options.contact_lag:
        raise Refusal(404, "not_found", "User Not Found")
    given = rules.seconds(body, "created_at")
    cursor = call.tx.execute(
        "insert into conversations (contact_id, body, state, custom_attributes, dated, created_at,"
        " updated_at,"
        " waiting_since, last_contact_reply_at, changed) values (?, ?, 'open', '{}', ?, ?, ?, ?, ?, ?)",
        (
            contact_id,
            rules.needed(body, "body"),
            given is not None,
            *([call.now if given is None else given] * 4),
            call.instant,
        ),
    )
    conversation_id = int(cursor.lastrowid or 0)
    call.tx.execute("insert into participants values (?, ?)", (conversation_id, contact_id))
    _keep_files(call, conversation_id, None, rules.image_urls(body.get("attachment_urls")))
    return shapes.message(call.rows("select * from conversations where id = ?", conversation_id)[0])


def get_conversation(call: Call) -> dict[str, Any]:
    """GET /conversations/{id}: with the 500 newest parts."""
    return shapes.conversation(call, conversation_row(call))


def _answer(call: Call) -> dict[str, Any]:
    return get_conversation(call)


def update_conversation(call: Call) -> dict[str, Any]:
    """PUT /conversations/{id}: title, company, read, attributes. Each attribute adds a bot's part."""
    row = conversation_row(call)
    title, read = rules.text(call.body, "title"), rules.flag(call.body, "read")
    company_id = rules.text(call.body, "company_id")
    if company_id:
        company_row(call, company_id)
    known = json.loads(row["custom_attributes"])
    for name, value in attributes.of_conversation(call).items():
        if call.options.unchanged_attribute_adds_part or known.get(name) != value:
            event = {"attribute": {"name": name}, "value": {"name": "" if value is None else str(value)}}
            _add_part(
                call,
                row,
                _Part("conversation_attribute_updated_by_admin", "bot", shapes.BOT_ID, "put", event=event),
            )
        known[name] = value
    kept = {name: value for name, value in known.items() if value is not None}
    call.tx.execute(
        "update conversations set title = coalesce(?, title), read = coalesce(?, read),"
        " company_id = coalesce(?, company_id), custom_attributes = ?, state = ? where id = ?",
        (title, read, company_id, json.dumps(kept), _reopened(row, call.options.update_reopens), row["id"]),
    )
    _touch(call, row)
    return _answer(call)


def _reopened(row: sqlite3.Row, switch: bool) -> str:
    return "open" if switch and row["state"] == "closed" else str(row["state"])


def delete_conversation(call: Call) -> dict[str, Any]:
    """DELETE /conversations/{id}: irreversible; listed as deleted."""
    row = conversation_row(call)
    for table in ("parts", "attachments", "participants", "conversation_tags"):
        call.tx.execute(f"delete from {table} where conversation_id = ?", (row["id"],))
    call.tx.execute("delete from conversations where id = ?", (row["id"],))
    retained = call.query.get("retain_metrics", "true") != "false"
    call.tx.execute("insert into deleted_conversations values (?, ?, ?)", (row["id"], retained, call.now))
    return {"id": str(row["id"]), "object": "conversation", "deleted": True}


def reply(call: Call) -> dict[str, Any]:
    """POST /conversations/{id}/reply: by a contact or a teammate."""
    row = conversation_row(call)
    kind = call.body.get("type")
    if kind == "user":
        _contact_reply(call, row)
    elif kind == "admin":
        _admin_reply(call, row)
    else:
        raise invalid("type must be user or admin")
    return _answer(call)


def _contact_reply(call: Call, row: sqlite3.Row) -> None:
    if call.body.get("message_type") != "comment":
        raise invalid("message_type must be comment for a contact's reply")
    contact = _named_contact(call, call.body)
    present = call.row(
        "select 1 from participants where conversation_id = ? and contact_id = ?", row["id"], contact["id"]
    )
    if present is None and not call.options.nonparticipant_may_reply:
        raise invalid("The contact is not a participant of this conversation")
    at = rules.seconds(call.body, "created_at")
    reopens = row["state"] != "open"
    part = _Part(
        "open" if reopens else "comment",
        "user",
        contact["id"],
        "reply",
        rules.needed(call.body, "body"),
        created_at=at,
        files=rules.files(call.body, call.options),
    )
    _add_part(call, row, part, state="open")
    moment = call.now if at is None else at
    call.tx.execute(
        "update conversations set state = 'open', snoozed_until = null, count_reopens = count_reopens + ?,"
        " waiting_since = coalesce(waiting_since, ?), last_contact_reply_at = ?, read = 0 where id = ?",
        (reopens, moment, moment, row["id"]),
    )
    call.tx.execute("update contacts set last_replied_at = ? where id = ?", (moment, contact["id"]))


def _admin_reply(call: Call, row: sqlite3.Row) -> None:
    admin_id = acting_admin(call)
    kind = call.body.get("message_type")
    if kind not in {"comment", "note"}:
        raise invalid("message_type must be comment or note; quick_reply is not simulated")
    rules.flag(call.body, "skip_notifications")
    body = rules.needed(call.body, "body")
    at = rules.seconds(call.body, "created_at")
    reopens = kind == "comment" and call.options.admin_comment_reopens
    state = _reopened(row, reopens)
    part = _Part(
        kind,
        "admin",
        admin_id,
        "reply",
        rules.clean_html(body, call.options),
        is_html=True,
        created_at=at,
        files=rules.files(call.body, call.options),
    )
    _add_part(call, row, part, state=state)
    if kind == "comment":
        call.tx.execute(
            "update conversations set waiting_since = null, last_admin_reply_at = ?, state = ? where id = ?",
            (call.now if at is None else at, state, row["id"]),
        )


def _named_contact(call: Call, named: Any) -> sqlite3.Row:
    given = [name for name in _ONE_OF if named.get(name) is not None]
    if len(given) != 1:
        raise invalid(f"exactly one of {', '.join(_ONE_OF)} is required")
    value = rules.needed(named, given[0])
    if given[0] == "intercom_user_id":
        return contact_row(call, value)
    column = "external_id" if given[0] == "user_id" else "email"
    row = call.row(
        f"select * from contacts where {column} = ? and not deleted order by role = 'user' desc, number limit 1",
        value,
    )
    if row is None:
        raise Refusal(404, "not_found", "User Not Found")
    return row


def _add_part(call: Call, row: sqlite3.Row, part: _Part, state: str | None = None) -> None:
    moment = call.now if part.created_at is None else part.created_at
    assigned_type, assigned_id = part.assigned or (None, None)
    cursor = call.tx.execute(
        "insert into parts (conversation_id, part_type, body, is_html, author_type, author_id, assigned_type,"
        " assigned_id, event, state, origin, dated, created_at, updated_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row["id"],
            part.part_type,
            part.body,
            part.is_html,
            part.author_type,
            part.author_id,
            assigned_type,
            assigned_id,
            None if part.event is None else json.dumps(part.event),
            state or row["state"],
            part.origin,
            part.created_at is not None,
            moment,
            moment,
        ),
    )
    _keep_files(call, row["id"], int(cursor.lastrowid or 0), part.files)
    _touch(call, row)


def _touch(call: Call, row: sqlite3.Row) -> None:
    call.tx.execute(
        "update conversations set updated_at = ?, changed = ? where id = ?",
        (call.now, call.instant, row["id"]),
    )


def _keep_files(call: Call, conversation_id: int, part_id: int | None, files: Sequence[File]) -> None:
    for file in files:
        call.tx.execute(
            "insert into attachments (conversation_id, part_id, token, name, content_type, size,"
            " sha256, url, content)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                conversation_id,
                part_id,
                secrets.token_hex(8),
                file.name,
                file.content_type,
                None if file.content is None else len(file.content),
                file.sha256,
                file.url,
                file.content,
            ),
        )


def manage(call: Call) -> dict[str, Any]:
    """POST /conversations/{id}/parts: close, open, snooze, assign. All of it happens now."""
    row = conversation_row(call)
    admin_id = acting_admin(call)
    kind = call.body.get("message_type")
    if kind == "close":
        _require_type(call, "admin")
        _close(call, row, admin_id)
    elif kind == "open":
        _set_state(call, row, _Part("open", "admin", admin_id, "parts"), "open", None)
    elif kind == "snoozed":
        until = rules.seconds(call.body, "snoozed_until")
        if until is None:
            raise Refusal(400, "parameter_missing", "snoozed_until is required", "snoozed_until")
        _set_state(call, row, _Part("snoozed", "admin", admin_id, "parts"), "snoozed", until)
    elif kind == "assignment":
        _require_type(call, "admin", "team")
        _assign(call, row, admin_id)
    else:
        raise invalid("message_type must be close, open, snoozed or assignment")
    return _answer(call)


def _require_type(call: Call, *allowed: str) -> None:
    if call.body.get("type") not in allowed:
        raise invalid(f"type must be {' or '.join(allowed)}")


def _close(call: Call, row: sqlite3.Row, admin_id: str) -> None:
    text = rules.text(call.body, "body")
    body = rules.clean_html(text, call.options) if text else None
    _set_state(call, row, _Part("close", "admin", admin_id, "parts", body, is_html=True), "closed", None)
    call.tx.execute(
        "update conversations set last_close_at = ?, last_closed_by_id = ?, waiting_since = null where id = ?",
        (call.now, admin_id, row["id"]),
    )


def _set_state(call: Call, row: sqlite3.Row, part: _Part, state: str, snoozed_until: int | None) -> None:
    _add_part(call, row, part, state=state)
    reopened = state == "open" and row["state"] != "open"
    call.tx.execute(
        "update conversations set state = ?, snoozed_until = ?, count_reopens = count_reopens + ? where id = ?",
        (state, snoozed_until, reopened, row["id"]),
    )


def _assign(call: Call, row: sqlite3.Row, admin_id: str) -> None:
    assignee = rules.needed(call.body, "assignee_id")
    kind = call.body["type"]
    if assignee != "0":
        admin_row(call, assignee) if kind == "admin" else team_row(call, assignee)
    state = _reopened(row, call.options.assign_reopens)
    reopened = state != row["state"]
    text = rules.text(call.body, "body")
    part = _Part(
        "assign_and_reopen" if reopened else "assignment",
        "admin",
        admin_id,
        "parts",
        rules.clean_html(text, call.options) if text else None,
        is_html=True,
        assigned=(kind, None if assignee == "0" else assignee),
    )
    _add_part(call, row, part, state=state)
    call.tx.execute(
        f"update conversations set {kind}_assignee_id = ?, state = ?, count_reopens = count_reopens + ?,"
        " count_assignments = count_assignments + 1 where id = ?",
        (int(assignee), state, reopened, row["id"]),
    )


def tag_conversation(call: Call) -> dict[str, Any]:
    """POST /conversations/{id}/tags: one tag per call."""
    row = conversation_row(call, "Conversation not found")
    tag = tag_row(call, rules.needed(call.body, "id"), "tag_not_found", "Tag not found")
    admin_id = acting_admin(call)
    call.tx.execute(
        "insert or ignore into conversation_tags values (?, ?, ?, ?)",
        (row["id"], tag["id"], call.now, int(admin_id)),
    )
    state = _reopened(row, call.options.tag_reopens)
    call.tx.execute("update conversations set state = ? where id = ?", (state, row["id"]))
    _touch(call, row)
    return shapes.conversation_tags(call, row["id"], tag["id"])[0]


def untag_conversation(call: Call) -> dict[str, Any]:
    """DELETE /conversations/{id}/tags/{tag_id}."""
    row = conversation_row(call, "Conversation not found")
    acting_admin(call)
    tag = tag_row(call, call.params["tag_id"], "tag_not_found", "Tag not found")
    applied = shapes.conversation_tags(call, row["id"], tag["id"])
    if not applied:
        raise Refusal(404, "tag_not_found", "Tag not found")
    call.tx.execute("delete from conversation_tags where conversation_id = ? and tag_id = ?", (row["id"], tag["id"]))
    _touch(call, row)
    return applied[0]


def add_participant(call: Call) -> dict[str, Any]:
    """POST /conversations/{id}/customers; an unknown e-mail makes a lead."""
    row = conversation_row(call)
    acting_admin(call)
    customer = call.body.get("customer")
    if not isinstance(customer, dict):
        raise Refusal(400, "parameter_missing", "customer is required", "customer")
    try:
        contact_id = _named_contact(call, customer)["id"]
    except Refusal as refusal:
        if refusal.code != "not_found" or "email" not in customer:
            raise
        fields = {"role": "lead", "email": customer["email"]}
        contact_id = content.add_contact(call.tx, fields, call.now, call.instant)
    call.tx.execute("insert or ignore into participants values (?, ?)", (row["id"], contact_id))
    _touch(call, row)
    return _answer(call)


def remove_participant(call: Call) -> dict[str, Any]:
    """DELETE /conversations/{id}/customers/{contact_id}: the last one must stay."""
    row = conversation_row(call)
    acting_admin(call)
    contact = contact_row(call, call.params["contact_id"])
    present = call.rows("select contact_id from participants where conversation_id = ?", row["id"])
    if contact["id"] not in {person[0] for person in present}:
        raise Refusal(404, "not_found", "User Not Found")
    if len(present) == 1:
        raise invalid("Removing the last customer is not allowed", 422)
    call.tx.execute("delete from participants where conversation_id = ? and contact_id = ?", (row["id"], contact["id"]))
    _touch(call, row)
    return _answer(call)


def list_conversations(call: Call) -> dict[str, Any]:
    """GET /conversations: without parts."""
    return _conversation_list(call, search.Condition("1", ()), page_of(call.query, _PAGE, _LARGEST_PAGE))


def search_conversations(call: Call) -> dict[str, Any]:
    """POST /conversations/search: does not see what has just been made when the workspace lags."""
    condition = search.conversation_condition(call.body.get("query"), call.options)
    if call.options.search_lag:
        visible = call.instant - call.options.search_lag
        condition = search.Condition(f"changed <= ? and {condition.sql}", (visible, *condition.bound))
    return _conversation_list(call, condition, page_of(call.body.get("pagination") or {}, _PAGE, _LARGEST_PAGE))


def _conversation_list(call: Call, condition: search.Condition, page: Page) -> dict[str, Any]:
    total = call.value(f"select count(*) from conversations where {condition.sql}", *condition.bound)
    rows = call.rows(
        f"select * from conversations where {condition.sql} order by id limit ? offset ?",
        *condition.bound,
        page.size,
        page.after,
    )
    return {
        "type": "conversation.list",
        "pages": page.pages(total),
        "total_count": total,
        "conversations": [shapes.conversation_item(call, row) for row in rows],
    }


def list_deleted_conversations(call: Call) -> dict[str, Any]:
    """GET /conversations/deleted: by page number, at most 60 on a page."""
    try:
        number, size = int(call.query.get("page", 1)), int(call.query.get("per_page", _PAGE))
    except ValueError as error:
        raise invalid("page and per_page must be numbers") from error
    if number < 1 or not 1 <= size <= _LARGEST_DELETED_PAGE:
        raise invalid(f"per_page must be a number between 1 and {_LARGEST_DELETED_PAGE}")
    total = call.value("select count(*) from deleted_conversations")
    order = "asc" if call.query.get("order") == "asc" else "desc"
    rows = call.rows(
        f"select * from deleted_conversations order by deleted_at {order}, id {order} limit ? offset ?",
        size,
        (number - 1) * size,
    )
    following = None
    if number * size < total:
        following = f"{call.origin}/conversations/deleted?per_page={size}&order={order}&page={number + 1}"
    return {
        "type": "conversations.list",
        "total_count": total,
        "pages": {
            "type": "pages",
            "next": following,
            "page": number,
            "per_page": size,
            "total_pages": max(1, -(-total // size)),
        },
        "conversations": [
            {
                "type": "conversation",
                "id": str(row["id"]),
                "metrics_retained": bool(row["metrics_retained"]),
                "deleted_at": row["deleted_at"],
            }
            for row in rows
        ],
    }
