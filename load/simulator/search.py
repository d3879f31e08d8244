"""Search queries, translated to SQL.

Intercom REST 2.16, contacts: search and conversations: search. Two levels of AND and OR, 15 filters each;
contacts' times are compared by days of the workspace's timezone, conversations' to the second.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from load.simulator.options import Options
from load.simulator.rules import MAX_FILTERS, Refusal, html_to_text, invalid, text_to_html

_COMPARISONS = {"=": "is", "!=": "is not", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_MAX_DEPTH = 2
_DAY_OPERATORS = {"=", "<", ">"}


@dataclass(frozen=True)
class Field:
    """How a searchable field is found in the tables.

    Attributes:
        sql: expression over the row.
        kind: text, number, flag, moment (to the second), day, or member.
        bound: parameters of the expression itself.
    """

    sql: str
    kind: str = "text"
    bound: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Condition:
    """A piece of a WHERE clause and its parameters."""

    sql: str
    bound: tuple[Any, ...]


_CONTACT_FIELDS = {
    **{name: Field(name) for name in ("id", "role", "name", "avatar", "email", "phone", "external_id")},
    "owner_id": Field("cast(owner_id as text)"),
    "email_domain": Field("substr(email, instr(email, '@') + 1)"),
    "unsubscribed_from_emails": Field("unsubscribed_from_emails", "flag"),
    **{
        name: Field(name, "day")
        for name in (
            "created_at",
            "updated_at",
            "signed_up_at",
            "last_seen_at",
            "last_contacted_at",
            "last_replied_at",
        )
    },
    "tag_id": Field("id in (select contact_id from contact_tags where cast(tag_id as text) = ?)", "member"),
}

_AUTHOR = "(select {column} from contacts where contacts.id = conversations.contact_id)"
_CONVERSATION_FIELDS = {
    "id": Field("cast(id as text)"),
    **{name: Field(name, "moment") for name in ("created_at", "updated_at", "waiting_since", "snoozed_until")},
    "source.type": Field("'conversation'"),
    "source.delivered_as": Field("'customer_initiated'"),
    "source.subject": Field("''"),
    "source.url": Field("null"),
    "source.body": Field("has_word(body, ?)", "word"),
    "source.author.id": Field("contact_id"),
    "source.author.type": Field(_AUTHOR.format(column="role")),
    "source.author.name": Field(_AUTHOR.format(column="name")),
    "source.author.email": Field(_AUTHOR.format(column="email")),
    "contact_ids": Field("id in (select conversation_id from participants where contact_id = ?)", "member"),
    "tag_ids": Field("id in (select conversation_id from conversation_tags where cast(tag_id as text) = ?)", "member"),
    "teammate_ids": Field("cast(admin_assignee_id as text)"),
    "admin_assignee_id": Field("admin_assignee_id", "number"),
    "team_assignee_id": Field("team_assignee_id", "number"),
    "open": Field("state != 'closed'", "flag"),
    "read": Field("read", "flag"),
    "state": Field("state"),
    "priority": Field("'none'"),
    "statistics.count_reopens": Field("count_reopens", "number"),
    "statistics.count_assignments": Field("count_assignments", "number"),
    "statistics.count_conversation_parts": Field(
        "(select count(*) from parts where parts.conversation_id = conversations.id)", "number"
    ),
    "statistics.last_close_at": Field("last_close_at", "moment"),
    "statistics.last_admin_reply_at": Field("last_admin_reply_at", "moment"),
    "statistics.last_contact_reply_at": Field("last_contact_reply_at", "moment"),
}


def contact_condition(query: Any, options: Options) -> Condition:
    """The WHERE clause over `contacts` for a search query.

    Raises:
        Refusal: the query is malformed; 400.
    """

    def find(name: str) -> Field | None:
        if name.startswith("custom_attributes."):
            return Field("json_extract(custom_attributes, ?)", "text", (_path(name.partition(".")[2]),))
        return _CONTACT_FIELDS.get(name)

    return _condition(query, find, options)


def conversation_condition(query: Any, options: Options) -> Condition:
    """The WHERE clause over `conversations` for a search query.

    Raises:
        Refusal: the query is malformed, or asks for custom attributes, which are not among the documented
            fields; 400.
    """

    def find(name: str) -> Field | None:
        if options.search_custom_attributes and name.startswith("custom_attribute."):
            return Field("json_extract(custom_attributes, ?)", "text", (_path(name.partition(".")[2]),))
        return _CONVERSATION_FIELDS.get(name)

    return _condition(query, find, options)


def add_functions(connection: sqlite3.Connection) -> None:
    """Gives the connection the SQL functions that conditions use."""
    connection.create_function("has_word", 2, _has_word, deterministic=True)


def _has_word(body: str, word: str) -> bool:
    return word.casefold() in html_to_text(text_to_html(body)).casefold().split()


def _path(name: str) -> str:
    return "$." + json.dumps(name, ensure_ascii=False)


def _condition(query: Any, find: Callable[[str], Field | None], options: Options, depth: int = 0) -> Condition:
    if not isinstance(query, dict) or "operator" not in query:
        raise Refusal(400, "parameter_missing", "query is required")
    if query["operator"] in {"AND", "OR"}:
        return _group(query, find, options, depth)
    name, operator, value = query.get("field"), query["operator"], query.get("value")
    field = find(name) if isinstance(name, str) else None
    if field is None:
        raise Refusal(400, "invalid_field", f"Invalid field '{name}'")
    if operator in {"IN", "NIN"}:
        return _any_of(field, operator, value, options)
    return _single(field, operator, value, options)


def _group(query: Mapping[str, Any], find: Callable[[str], Field | None], options: Options, depth: int) -> Condition:
    inner = query.get("value")
    if not isinstance(inner, list) or not 1 <= len(inner) <= MAX_FILTERS:
        raise invalid(f"a group takes 1 to {MAX_FILTERS} filters")
    if depth >= _MAX_DEPTH:
        raise invalid(f"queries can be nested {_MAX_DEPTH} levels deep")
    parts = [_condition(item, find, options, depth + 1) for item in inner]
    joined = f" {query['operator'].lower()} ".join(part.sql for part in parts)
    return Condition(f"({joined})", tuple(value for part in parts for value in part.bound))


def _any_of(field: Field, operator: str, values: Any, options: Options) -> Condition:
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise invalid(f"the value of {operator} must be a list")
    if field.kind == "day":
        raise invalid(f"{operator} is not supported on date fields")
    parts = [_single(field, "=", value, options) for value in values]
    joined = " or ".join(part.sql for part in parts)
    negation = "not " if operator == "NIN" else ""
    return Condition(f"({negation}({joined}))", tuple(value for part in parts for value in part.bound))


def _single(field: Field, operator: str, value: Any, options: Options) -> Condition:
    if field.kind == "day":
        return _by_day(field, operator, _number(value), options)
    if field.kind in {"number", "moment"}:
        value = _number(value)
    elif field.kind == "flag":
        value = _boolean(value)
    elif field.kind in {"member", "word"}:
        if operator not in {"=", "!="}:
            raise Refusal(400, "invalid_operator", f"Invalid operator '{operator}' for this field")
        sql = field.sql if operator == "=" else f"not {field.sql}"
        return Condition(sql, (str(value),))
    if operator in _COMPARISONS:
        return Condition(f"({field.sql}) {_COMPARISONS[operator]} ?", (*field.bound, value))
    return _like(field, operator, value)


def _like(field: Field, operator: str, value: Any) -> Condition:
    lowered = str(value).lower()
    forms = {
        "~": Condition(f"instr(lower({field.sql}), ?) > 0", (*field.bound, lowered)),
        "!~": Condition(f"coalesce(instr(lower({field.sql}), ?), 0) = 0", (*field.bound, lowered)),
        "^": Condition(f"instr(lower({field.sql}), ?) = 1", (*field.bound, lowered)),
        "$": Condition(f"substr(lower({field.sql}), -length(?)) = ?", (*field.bound, lowered, lowered)),
    }
    if operator not in forms:
        raise Refusal(400, "invalid_operator", f"Invalid operator '{operator}'")
    return forms[operator]


def _by_day(field: Field, operator: str, value: int, options: Options) -> Condition:
    if operator not in _DAY_OPERATORS:
        raise Refusal(400, "invalid_operator", f"{operator} is not supported on date fields")
    zone = ZoneInfo(options.timezone)
    day = datetime.fromtimestamp(value, zone).date()
    first = int(datetime.combine(day, time(), zone).timestamp())
    after = int(datetime.combine(day + timedelta(days=1), time(), zone).timestamp())
    if operator == "<":
        return Condition(f"{field.sql} < ?", (first,))
    if operator == ">":
        return Condition(f"{field.sql} >= ?", (after,))
    return Condition(f"({field.sql} >= ? and {field.sql} < ?)", (first, after))


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise invalid(f"'{value}' is not a number") from error


def _boolean(value: Any) -> bool:
    if value in {True, "true"}:
        return True
    if value in {False, "false"}:
        return False
    raise invalid(f"'{value}' is not a boolean")
