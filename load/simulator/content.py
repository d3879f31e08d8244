"""The workspace's content from outside the API: what people prepare by hand, and how two are compared."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# The numbers are those of store.FIRST_*, given here to keep the imports in one direction.
_FIRST = {
    "admins": 991_267_459,
    "teams": 5_017_691,
    "tags": 86,
    "data_attributes": 1012,
    "conversation_attributes": 12,
}
_CONTACT_FIELDS = ("role", "external_id", "email", "phone", "name", "signed_up_at", "last_seen_at")


def next_id(tx: sqlite3.Connection, table: str) -> int:
    """The next id of a small table, whose rows are not deleted or may be counted anew."""
    highest = tx.execute(f"select max(id) from {table}").fetchone()[0]
    return _FIRST[table] if highest is None else int(highest) + 1


def object_id(number: int, created_at: int, kind: int) -> str:
    """24 hex digits, built like Intercom's: seconds, origin, counter."""
    return f"{created_at & 0xFFFFFFFF:08x}1bb69f{kind:04x}{number:06x}"


def put_admin(tx: sqlite3.Connection, name: str, email: str) -> int:
    """The id of the teammate with this address, who is added when missing."""
    row = tx.execute("select id from admins where email = ?", (email,)).fetchone()
    if row is not None:
        return int(row[0])
    admin_id = next_id(tx, "admins")
    tx.execute("insert into admins (id, name, email) values (?, ?, ?)", (admin_id, name, email))
    return admin_id


def put_team(tx: sqlite3.Connection, name: str, members: Iterable[str]) -> int:
    """The id of the team of this name, which is added when missing; members by e-mail."""
    row = tx.execute("select id from teams where name = ?", (name,)).fetchone()
    team_id = int(row[0]) if row is not None else next_id(tx, "teams")
    if row is None:
        tx.execute("insert into teams (id, name) values (?, ?)", (team_id, name))
    for email in members:
        tx.execute("insert or ignore into team_members select ?, id from admins where email = ?", (team_id, email))
    return team_id


def put_tag(tx: sqlite3.Connection, name: str) -> int:
    """The id of the tag of this name in any case (Intercom REST 2.16, tags), made when missing."""
    row = tx.execute("select id from tags where name = ?", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    tag_id = next_id(tx, "tags")
    tx.execute("insert into tags (id, name) values (?, ?)", (tag_id, name))
    return tag_id


def put_attribute(tx: sqlite3.Connection, attribute: Mapping[str, Any], now: int) -> int:
    """The id of the attribute of this model and name, defined when missing."""
    model = attribute.get("model", "conversation")
    name = attribute["name"]
    data_type = attribute.get("data_type", "string")
    choices = attribute.get("options", ())
    if model == "conversation":
        row = tx.execute("select id from conversation_attributes where name = ? and not archived", (name,)).fetchone()
        if row is not None:
            return int(row[0])
        return add_conversation_attribute(tx, {**attribute, "data_type": data_type}, choices, now)
    row = tx.execute(
        "select id from data_attributes where model = ? and name = ? and not archived", (model, name)
    ).fetchone()
    if row is not None:
        return int(row[0])
    return add_data_attribute(tx, {**attribute, "data_type": data_type}, choices, now)


def add_conversation_attribute(
    tx: sqlite3.Connection, attribute: Mapping[str, Any], labels: Iterable[str], now: int
) -> int:
    """Defines a conversation attribute; the labels are a list attribute's options."""
    attribute_id = next_id(tx, "conversation_attributes")
    options = [
        {"id": f"{attribute_id}-{number}", "label": label, "archived": False}
        for number, label in enumerate(labels, start=1)
    ]
    tx.execute(
        "insert into conversation_attributes values (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
        (
            attribute_id,
            attribute["name"],
            attribute.get("description") or "",
            attribute["data_type"],
            bool(attribute.get("required")),
            bool(attribute.get("multiline")),
            json.dumps(options),
            json.dumps(attribute.get("visible_to_team_ids") or []),
            now,
            now,
        ),
    )
    return attribute_id


def add_data_attribute(tx: sqlite3.Connection, attribute: Mapping[str, Any], values: Iterable[str], now: int) -> int:
    """Defines an attribute of contacts or companies."""
    attribute_id = next_id(tx, "data_attributes")
    tx.execute(
        "insert into data_attributes values (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
        (
            attribute_id,
            attribute["model"],
            attribute["name"],
            attribute.get("description") or "",
            attribute["data_type"],
            json.dumps(list(values)),
            bool(attribute.get("messenger_writable")),
            now,
            now,
        ),
    )
    return attribute_id


def put_contact(tx: sqlite3.Connection, fields: Mapping[str, Any], now: int) -> str:
    """The id of the user with this external id, else with this e-mail; added when missing."""
    row = None
    for column in ("external_id", "email"):
        if row is None and fields.get(column):
            row = tx.execute(
                f"select id from contacts where {column} = ? and role = 'user' and not deleted",
                (fields[column],),
            ).fetchone()
    return row[0] if row is not None else add_contact(tx, {"role": "user", **fields}, now, float(now))


def add_contact(tx: sqlite3.Connection, fields: Mapping[str, Any], now: int, changed: float) -> str:
    """Adds a contact with the fields of POST /contacts. Nothing is checked."""
    cursor = tx.execute(
        "insert into contacts (role, external_id, email, phone, name, signed_up_at, last_seen_at,"
        " avatar, owner_id,"
        " email_verified, unsubscribed_from_emails, custom_attributes, created_at, updated_at, changed)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(fields.get(name) for name in _CONTACT_FIELDS),
            fields.get("avatar"),
            fields.get("owner_id"),
            fields.get("email_verified"),
            bool(fields.get("unsubscribed_from_emails")),
            json.dumps(fields.get("custom_attributes") or {}),
            now,
            now,
            changed,
        ),
    )
    number = int(cursor.lastrowid or 0)
    contact_id = object_id(number, now, 0x2193)
    tx.execute("update contacts set id = ? where number = ?", (contact_id, number))
    return contact_id


def records(tx: sqlite3.Connection, *, import_time_parts: bool) -> Iterator[dict[str, Any]]:
    """The content without ids and import times, unordered; see `Workspace.dump`."""
    admins = {str(row["id"]): row["email"] for row in tx.execute("select id, email from admins")}
    teams = {str(row["id"]): row["name"] for row in tx.execute("select id, name from teams")}
    tags = {row["id"]: row["name"] for row in tx.execute("select id, name from tags")}
    companies = {row["id"]: row["company_id"] for row in tx.execute("select id, company_id from companies")}
    people = {
        row["id"]: row["external_id"] or row["email"] or row["id"]
        for row in tx.execute("select id, external_id, email from contacts")
    }
    names = {"admin": admins, "team": teams, "user": people, "lead": people, "contact": people}
    yield from _definitions(tx, tags)
    yield from _people(tx, companies, tags)
    yield from _help_centre(tx, admins)
    for row in tx.execute("select * from conversations order by id"):
        yield {
            "object": "conversation",
            "contact": people[row["contact_id"]],
            "created_at": row["created_at"] if row["dated"] else None,
            "body": row["body"],
            "title": row["title"],
            "state": row["state"],
            "snoozed_until": row["snoozed_until"],
            "read": bool(row["read"]),
            "admin_assignee": admins.get(str(row["admin_assignee_id"])),
            "team_assignee": teams.get(str(row["team_assignee_id"])),
            "company": companies.get(row["company_id"]),
            "custom_attributes": json.loads(row["custom_attributes"]),
            "tags": sorted(
                tags[tag[0]]
                for tag in tx.execute("select tag_id from conversation_tags where conversation_id = ?", (row["id"],))
            ),
            "participants": sorted(
                people[person[0]]
                for person in tx.execute("select contact_id from participants where conversation_id = ?", (row["id"],))
            ),
            "parts": list(_parts(tx, row["id"], names, import_time_parts=import_time_parts)),
        }


def _definitions(tx: sqlite3.Connection, tags: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for name in tags.values():
        yield {"object": "tag", "name": name}
    for row in tx.execute("select * from data_attributes where not archived"):
        yield {
            "object": "attribute",
            "model": row["model"],
            "name": row["name"],
            "data_type": row["data_type"],
            "options": json.loads(row["options"]),
        }
    for row in tx.execute("select * from conversation_attributes where not archived"):
        yield {
            "object": "attribute",
            "model": "conversation",
            "name": row["name"],
            "data_type": row["data_type"],
            "options": [option["label"] for option in json.loads(row["options"]) if not option["archived"]],
        }


def _people(tx: sqlite3.Connection, companies: Mapping[str, str], tags: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for row in tx.execute("select * from companies"):
        yield {
            "object": "company",
            **{
                name: row[name]
                for name in ("company_id", "name", "plan", "size", "website", "industry", "monthly_spend")
            },
            "remote_created_at": row["remote_created_at"],
            "custom_attributes": json.loads(row["custom_attributes"]),
        }
    for row in tx.execute("select * from contacts where not deleted"):
        yield {
            "object": "contact",
            **{name: row[name] for name in _CONTACT_FIELDS},
            "archived": bool(row["archived"]),
            "custom_attributes": json.loads(row["custom_attributes"]),
            "companies": sorted(
                companies[link[0]]
                for link in tx.execute("select company_id from contact_companies where contact_id = ?", (row["id"],))
            ),
            "tags": sorted(
                tags[link[0]]
                for link in tx.execute("select tag_id from contact_tags where contact_id = ?", (row["id"],))
            ),
        }


def _help_centre(tx: sqlite3.Connection, admins: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    names = {row["id"]: row["name"] for row in tx.execute("select id, name from collections")}
    for row in tx.execute("select * from collections"):
        parent = names.get(row["parent_id"])
        yield {"object": "collection", "name": row["name"], "description": row["description"], "parent": parent}
    for row in tx.execute("select * from articles"):
        yield {
            "object": "article",
            **{name: row[name] for name in ("title", "description", "body", "state")},
            "author": admins.get(str(row["author_id"])),
            "parent": names.get(row["parent_id"]),
        }


def _parts(
    tx: sqlite3.Connection,
    conversation_id: int,
    names: Mapping[str, Mapping[str, str]],
    *,
    import_time_parts: bool,
) -> Iterator[dict[str, Any]]:
    files: dict[int, list[dict[str, Any]]] = {}
    for row in tx.execute(
        "select part_id, name, content_type, size, sha256, url from attachments where conversation_id = ? order by id",
        (conversation_id,),
    ):
        files.setdefault(row["part_id"], []).append(
            {name: row[name] for name in ("name", "content_type", "size", "sha256", "url")}
        )
    for row in tx.execute("select * from parts where conversation_id = ? order by id", (conversation_id,)):
        if not import_time_parts and row["origin"] != "reply":
            continue
        yield {
            "part_type": row["part_type"],
            "author": names.get(row["author_type"], {}).get(row["author_id"], row["author_type"]),
            "created_at": row["created_at"] if row["dated"] else None,
            "body": row["body"],
            "assigned_to": names.get(row["assigned_type"] or "", {}).get(row["assigned_id"] or ""),
            "event": json.loads(row["event"]) if row["event"] else None,
            "files": files.get(row["id"], []),
        }
