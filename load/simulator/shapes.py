"""The objects of the answers, as the schemas of Intercom REST 2.16 want them.

A field that the schema types without null and that has no value here is left out.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from load.simulator.call import Call
from load.simulator.rules import MAX_PARTS, html_to_text, text_to_html

#: How many tags and companies are embedded in a contact; the rest is behind `url`.
EMBEDDED = 10
BOT_ID = "991267400"

_ALWAYS_NULL = (
    "last_email_opened_at",
    "last_email_clicked_at",
    "language_override",
    "browser",
    "browser_version",
    "browser_language",
    "os",
    "android_app_name",
    "android_app_version",
    "android_device",
    "android_os_version",
    "android_sdk_version",
    "android_last_seen_at",
    "ios_app_name",
    "ios_app_version",
    "ios_device",
    "ios_os_version",
    "ios_sdk_version",
    "ios_last_seen_at",
    "utm_campaign",
    "utm_content",
    "utm_medium",
    "utm_source",
    "utm_term",
    "referrer",
    "enabled_push_messaging",
)
_AS_STORED = (
    "external_id",
    "role",
    "phone",
    "name",
    "created_at",
    "updated_at",
    "signed_up_at",
    "last_seen_at",
    "last_replied_at",
    "last_contacted_at",
)


def admin(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `admin`."""
    teams = call.rows("select team_id from team_members where admin_id = ? order by 1", row["id"])
    return {
        "type": "admin",
        "id": str(row["id"]),
        "name": row["name"],
        "email": row["email"],
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "has_inbox_seat": True,
        "team_ids": [team[0] for team in teams],
    }


def team(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `team`."""
    members = call.rows("select admin_id from team_members where team_id = ? order by 1", row["id"])
    return {
        "type": "team",
        "id": str(row["id"]),
        "name": row["name"],
        "admin_ids": [member[0] for member in members],
    }


def tag(row: sqlite3.Row) -> dict[str, Any]:
    """Schema `tag_basic`."""
    return {"type": "tag", "id": str(row["id"]), "name": row["name"]}


def data_attribute(row: sqlite3.Row) -> dict[str, Any]:
    """Schema `data_attribute`: datetime is read back as date, options as string."""
    shape = {
        "type": "data_attribute",
        "id": row["id"],
        "model": row["model"],
        "name": row["name"],
        "full_name": f"custom_attributes.{row['name']}",
        "label": row["name"],
        "description": row["description"],
        "data_type": {"datetime": "date", "options": "string"}.get(row["data_type"], row["data_type"]),
        "api_writable": True,
        "messenger_writable": bool(row["messenger_writable"]),
        "ui_writable": True,
        "custom": True,
        "archived": bool(row["archived"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    if row["data_type"] == "options":
        shape["options"] = json.loads(row["options"])
    return shape


def conversation_attribute(row: sqlite3.Row) -> dict[str, Any]:
    """Schema `conversation_attribute`."""
    shape = {
        "type": "conversation_attribute",
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "data_type": row["data_type"],
        "required": bool(row["required"]),
        "visible_to_team_ids": json.loads(row["visible_to_team_ids"]),
        "archived": bool(row["archived"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    if row["data_type"] == "string":
        shape["multiline"] = bool(row["multiline"])
    if row["data_type"] == "list":
        shape["options"] = json.loads(row["options"])
    return shape


def contact(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `contact`. `email` is left out when there is none: the schema has no null for it."""
    contact_id = row["id"]
    tags = [str(link[0]) for link in call.rows("select tag_id from contact_tags where contact_id = ?", contact_id)]
    companies = [
        link[0] for link in call.rows("select company_id from contact_companies where contact_id = ?", contact_id)
    ]
    address = {}
    if row["email"]:
        address = {"email": row["email"], "email_domain": row["email"].rpartition("@")[2]}
    avatar = {"type": "avatar", "image_url": row["avatar"]} if row["avatar"] else {}
    return {
        "type": "contact",
        "id": contact_id,
        "workspace_id": call.options.workspace_id,
        **{name: row[name] for name in _AS_STORED},
        **address,
        **({"avatar": avatar} if avatar else {}),
        "owner_id": None if row["owner_id"] is None else str(row["owner_id"]),
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": bool(row["unsubscribed_from_emails"]),
        **dict.fromkeys(_ALWAYS_NULL),
        "custom_attributes": json.loads(row["custom_attributes"]),
        "location": {"type": "location", "country": None, "region": None, "city": None},
        "social_profiles": {"type": "list", "data": []},
        "tags": _embedded("tag", tags, f"/contacts/{contact_id}/tags"),
        "notes": _embedded("note", [], f"/contacts/{contact_id}/notes"),
        "companies": _embedded("company", companies, f"/contacts/{contact_id}/companies"),
    }


def _embedded(kind: str, ids: list[str], url: str) -> dict[str, Any]:
    folder = {"tag": "tags", "company": "companies", "note": "notes"}[kind]
    return {
        "type": "list",
        "data": [{"type": kind, "id": found, "url": f"/{folder}/{found}"} for found in ids[:EMBEDDED]],
        "url": url,
        "total_count": len(ids),
        "has_more": len(ids) > EMBEDDED,
    }


def company(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `company`."""
    users = call.value("select count(*) from contact_companies where company_id = ?", row["id"])
    tags = call.rows(
        "select tags.id, tags.name from tags join company_tags on tag_id = tags.id where company_id = ?",
        row["id"],
    )
    optional = ("name", "size", "website", "industry", "remote_created_at")
    return {
        "type": "company",
        "id": row["id"],
        "company_id": row["company_id"],
        "app_id": call.options.workspace_id,
        **{name: row[name] for name in optional if row[name] is not None},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "monthly_spend": row["monthly_spend"] or 0,
        "session_count": 0,
        "user_count": users,
        "tags": {"type": "tag.list", "tags": [tag(found) for found in tags]},
        "segments": {"type": "segment.list", "segments": []},
        "plan": {"type": "plan", "id": row["plan"], "name": row["plan"]} if row["plan"] else {},
        "custom_attributes": json.loads(row["custom_attributes"]),
    }


def message(row: sqlite3.Row) -> dict[str, Any]:
    """What POST /conversations answers: a message, whose `conversation_id` is the id to keep."""
    return {
        "type": "user_message",
        "id": _source_id(row["id"]),
        "created_at": row["created_at"],
        "body": row["body"],
        "message_type": "inapp",
        "conversation_id": str(row["id"]),
    }


def _source_id(conversation_id: int) -> str:
    return str(403_917_831 + conversation_id)


def conversation(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `conversation`, with its parts."""
    people = _People(call)
    files = _files_by_part(call, row["id"])
    order = "created_at desc, id desc" if call.options.parts_by_date else "id desc"
    newest = call.rows(f"select * from parts where conversation_id = ? order by {order} limit {MAX_PARTS}", row["id"])
    total = call.value("select count(*) from parts where conversation_id = ?", row["id"])
    shape = _conversation(call, row, people, files, total)
    shape["conversation_parts"] = {
        "type": "conversation_part.list",
        "conversation_parts": [_part(call, part, people, files) for part in reversed(newest)],
        "total_count": total,
    }
    return shape


def conversation_item(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `conversation_list_item`: lists have no parts."""
    total = call.value("select count(*) from parts where conversation_id = ?", row["id"])
    return _conversation(call, row, _People(call), _files_by_part(call, row["id"]), total)


def _conversation(
    call: Call,
    row: sqlite3.Row,
    people: "_People",
    files: Mapping[int | None, list[dict[str, Any]]],
    total: int,
) -> dict[str, Any]:
    state = row["state"]
    if state == "snoozed" and row["snoozed_until"] <= call.now:
        state = "open"
    author = people.get("user", row["contact_id"])
    source_author = {"email": None, **author}
    belongs_to = None
    if row["company_id"]:
        found = call.row("select * from companies where id = ?", row["company_id"])
        belongs_to = company(call, found) if found is not None else None
    return {
        "type": "conversation",
        "id": str(row["id"]),
        "title": row["title"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "waiting_since": row["waiting_since"],
        "snoozed_until": row["snoozed_until"] if state == "snoozed" else None,
        "open": state != "closed",
        "state": state,
        "read": bool(row["read"]),
        "priority": "none",
        "admin_assignee_id": row["admin_assignee_id"],
        "team_assignee_id": row["team_assignee_id"],
        "company": belongs_to,
        "source": {
            "type": "conversation",
            "id": _source_id(row["id"]),
            "delivered_as": "customer_initiated",
            "subject": "",
            "body": row["body"] if call.plain else text_to_html(row["body"]),
            "author": source_author,
            "attachments": files.get(None, []),
            "url": None,
            "redacted": False,
        },
        "contacts": {"type": "contact.list", "contacts": _participants(call, row["id"])},
        "first_contact_reply": {"created_at": row["created_at"], "type": "conversation", "url": None},
        "tags": {"type": "tag.list", "tags": conversation_tags(call, row["id"])},
        "teammates": {"type": "admin.list", "teammates": _teammates(row)},
        "custom_attributes": {**call.options.system_attributes, **json.loads(row["custom_attributes"])},
        "conversation_rating": None,
        "sla_applied": None,
        "statistics": _statistics(row, total),
        "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": False},
        "ai_agent": None,
        "ai_agent_participated": False,
    }


def _participants(call: Call, conversation_id: int) -> list[dict[str, Any]]:
    found = call.rows(
        "select contacts.id, external_id from participants join contacts on contacts.id = contact_id"
        " where conversation_id = ? order by participants.rowid",
        conversation_id,
    )
    return [{"type": "contact", "id": row["id"], "external_id": row["external_id"]} for row in found]


def conversation_tags(call: Call, conversation_id: int, tag_id: int | None = None) -> list[dict[str, Any]]:
    """Schema `tag`, with when and by whom it was applied; one or all of a conversation."""
    found = call.rows(
        "select tags.id, name, applied_at, admin_id from conversation_tags join tags on tags.id = tag_id"
        " where conversation_id = ? and (? is null or tag_id = ?) order by applied_at, tags.id",
        conversation_id,
        tag_id,
        tag_id,
    )
    return [
        {
            **tag(row),
            "applied_at": row["applied_at"],
            "applied_by": {"type": "admin", "id": str(row["admin_id"])},
        }
        for row in found
    ]


def _teammates(row: sqlite3.Row) -> list[dict[str, Any]]:
    return [{"type": "admin", "id": str(row["admin_assignee_id"])}] if row["admin_assignee_id"] else []


def _statistics(row: sqlite3.Row, total: int) -> dict[str, Any]:
    times = ("last_close_at", "last_closed_by_id", "last_admin_reply_at", "last_contact_reply_at")
    return {
        "type": "conversation_statistics",
        **{name: row[name] for name in times if row[name] is not None},
        "count_reopens": row["count_reopens"],
        "count_assignments": row["count_assignments"],
        "count_conversation_parts": total,
    }


def _part(
    call: Call, row: sqlite3.Row, people: "_People", files: Mapping[int | None, list[dict[str, Any]]]
) -> dict[str, Any]:
    body = row["body"]
    if body is not None and bool(row["is_html"]) == call.plain:
        body = html_to_text(body) if call.plain else text_to_html(body)
    assigned = None
    if row["assigned_id"] is not None:
        assigned = {"type": row["assigned_type"], "id": row["assigned_id"]}
    return {
        "type": "conversation_part",
        "id": str(row["id"]),
        "part_type": row["part_type"],
        "body": body,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "notified_at": row["created_at"],
        "assigned_to": assigned,
        "author": people.get(row["author_type"], row["author_id"]),
        "attachments": files.get(row["id"], []),
        "external_id": None,
        "redacted": False,
        "metadata": {},
        "email_message_metadata": None,
        "state": row["state"],
        "tags": [],
        "event_details": json.loads(row["event"]) if row["event"] else None,
        "app_package_code": call.options.workspace_id,
    }


def _files_by_part(call: Call, conversation_id: int) -> dict[int | None, list[dict[str, Any]]]:
    files: dict[int | None, list[dict[str, Any]]] = {}
    for row in call.rows(
        "select id, part_id, token, name, content_type, size, url from attachments where conversation_id = ?"
        " order by id",
        conversation_id,
    ):
        shape = {
            "type": "upload",
            "name": row["name"],
            "url": row["url"] or f"{call.origin}/_simulator/files/{row['id']}/{row['token']}",
            "content_type": row["content_type"],
        }
        if row["size"] is not None:
            shape["filesize"] = row["size"]
        files.setdefault(row["part_id"], []).append(shape)
    return files


class _People:
    """Authors, looked up once per answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, kind: str, person_id: str) -> dict[str, Any]:
        """Schema `conversation_part_author`; `email` is left out when there is none."""
        key = (kind, person_id)
        if key not in self._known:
            self._known[key] = self._find(kind, person_id)
        return self._known[key]

    def _find(self, kind: str, person_id: str) -> dict[str, Any]:
        if kind == "bot":
            address = f"operator+{self._call.options.workspace_id}@intercom.io"
            return {"type": "bot", "id": BOT_ID, "name": "Fin", "email": address}
        if kind == "admin":
            row = self._call.row("select 'admin' as type, name, email from admins where id = ?", int(person_id))
        else:
            row = self._call.row("select role as type, name, email from contacts where id = ?", person_id)
        if row is None:
            return {"type": kind, "id": person_id, "name": None}
        shape = {"type": row["type"], "id": person_id, "name": row["name"]}
        return {**shape, "email": row["email"]} if row["email"] else shape


def collection(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `collection`: the parent's id is a string, that of the help centre a number."""
    return {
        "id": str(row["id"]),
        "workspace_id": call.options.workspace_id,
        "name": row["name"],
        "description": row["description"],
        "url": None,
        "icon": "book-bookmark",
        "order": 1,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "parent_id": None if row["parent_id"] is None else str(row["parent_id"]),
        "help_center_id": 79,
    }


def article(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    """Schema `article`: ids of author and parents are numbers, its own is a string."""
    return {
        "type": "article",
        "id": str(row["id"]),
        "workspace_id": call.options.workspace_id,
        "parent_ids": [] if row["parent_id"] is None else [row["parent_id"]],
        "tags": {"type": "tag.list", "tags": []},
        "title": row["title"],
        "description": row["description"],
        "body": row["body"],
        "author_id": row["author_id"],
        "state": row["state"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "url": None,
    }


def listing(data: Iterable[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A `list` object."""
    return {"type": "list", "data": list(data), **more}
