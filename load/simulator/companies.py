"""Handlers for companies. POST /companies creates or updates by `company_id` (Intercom REST 2.16)."""

import json
import sqlite3
import uuid
from typing import Any

from load.simulator import attributes, content, rules, shapes
from load.simulator.call import Call
from load.simulator.rules import Refusal, invalid

_TEXTS = ("name", "plan", "website", "industry")
_NUMBERS = ("size", "monthly_spend")
_KNOWN = {
    *_TEXTS,
    *_NUMBERS,
    "remote_created_at",
    "company_id",
    "custom_attributes",
    "update_last_request_at",
}
_PAGE, _LARGEST_PAGE, _LISTED, _SCROLL = 15, 60, 10_000, 100
_SCROLL_SECONDS = 60


def company_row(call: Call, company_id: str) -> sqlite3.Row:
    """The company with this Intercom id.

    Raises:
        Refusal: there is none; 404.
    """
    _archive_due(call)
    row = call.row("select * from companies where id = ?", company_id)
    if row is None:
        raise Refusal(404, "company_not_found", "Company Not Found")
    return row


def upsert_company(call: Call) -> dict[str, Any]:
    """POST /companies: updates the one with this `company_id`, else makes one."""
    _refuse_unknown(call)
    company_id = rules.text(call.body, "company_id")
    _archive_due(call)
    row = call.row("select * from companies where company_id = ?", company_id) if company_id else None
    if row is None:
        cursor = call.tx.execute(
            "insert into companies (custom_attributes, created_at, updated_at) values ('{}', ?, ?)",
            (call.now, call.now),
        )
        number = int(cursor.lastrowid or 0)
        found = content.object_id(number, call.now, 0x34C0)
        call.tx.execute(
            "update companies set id = ?, company_id = ? where number = ?",
            (found, company_id or found, number),
        )
        row = company_row(call, found)
    return _update(call, row)


def update_company(call: Call) -> dict[str, Any]:
    """PUT /companies/{id}; `company_id` can not change."""
    _refuse_unknown(call)
    row = company_row(call, call.params["company_id"])
    if call.body.get("company_id") not in {None, row["company_id"]}:
        raise Refusal(400, "bad_request", "company_id can not be changed")
    return _update(call, row)


def _refuse_unknown(call: Call) -> None:
    for name in call.body:
        if name not in _KNOWN:
            raise Refusal(400, "bad_request", f"bad '{name}' parameter")


def _update(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    fields: dict[str, Any] = {name: rules.text(call.body, name) for name in _TEXTS if name in call.body}
    fields |= {name: rules.whole(call.body, name) for name in _NUMBERS if name in call.body}
    if "remote_created_at" in call.body:
        fields["remote_created_at"] = rules.seconds(call.body, "remote_created_at")
    held = attributes.after_request(
        call,
        "company",
        json.loads(row["custom_attributes"]),
        must_exist=call.options.company_attributes_must_exist,
    )
    assignments = "".join(f"{name} = :{name}, " for name in fields)
    call.tx.execute(
        f"update companies set {assignments}custom_attributes = :attributes, updated_at = :now where number = :number",
        {**fields, "attributes": json.dumps(held), "now": call.now, "number": row["number"]},
    )
    return shapes.company(call, company_row(call, row["id"]))


def find_companies(call: Call) -> dict[str, Any]:
    """GET /companies: by `company_id` or name, else all that are visible; a list, as its schema says."""
    _archive_due(call)
    for column in ("company_id", "name"):
        if column in call.query:
            row = call.row(f"select * from companies where {column} = ? order by number limit 1", call.query[column])
            if row is None:
                raise Refusal(404, "company_not_found", "Company Not Found")
            pages = {"type": "pages", "page": 1, "per_page": _PAGE, "total_pages": 1}
            return shapes.listing([shapes.company(call, row)], total_count=1, pages=pages)
    return list_companies(call)


def get_company(call: Call) -> dict[str, Any]:
    """GET /companies/{id}."""
    return shapes.company(call, company_row(call, call.params["company_id"]))


def list_companies(call: Call) -> dict[str, Any]:
    """POST /companies/list: companies with users only, by page number, at most 10,000."""
    try:
        number, size = int(call.query.get("page", 1)), int(call.query.get("per_page", _PAGE))
    except ValueError as error:
        raise invalid("page and per_page must be numbers") from error
    if number < 1 or not 1 <= size <= _LARGEST_PAGE:
        raise invalid(f"per_page must be a number between 1 and {_LARGEST_PAGE}")
    if number * size > _LISTED:
        raise Refusal(400, "page_limit_exceeded", "Use the scroll API to read more than 10,000 companies")
    visible = "from companies where exists (select 1 from contact_companies where company_id = companies.id)"
    total = call.value(f"select count(*) {visible}")
    rows = call.rows(f"select * {visible} order by number limit ? offset ?", size, (number - 1) * size)
    pages = {"type": "pages", "page": number, "per_page": size, "total_pages": max(1, -(-total // size))}
    return shapes.listing((shapes.company(call, row) for row in rows), total_count=total, pages=pages)


def delete_company(call: Call) -> dict[str, Any]:
    """DELETE /companies/{id}: answered at once, archived later; its memberships end with it."""
    row = company_row(call, call.params["company_id"])
    call.tx.execute("insert or ignore into companies_in_archival values (?, ?)", (row["id"], call.instant))
    _archive_due(call)
    return {"id": row["id"], "object": "company", "deleted": True}


def _archive_due(call: Call) -> None:
    """What was deleted long enough ago is gone; nothing shows an archived company any more."""
    due = call.instant - call.options.company_archival
    for (gone,) in call.rows("select id from companies_in_archival where since <= ?", due):
        call.tx.execute("delete from contact_companies where company_id = ?", (gone,))
        call.tx.execute("delete from company_tags where company_id = ?", (gone,))
        call.tx.execute("delete from companies where id = ?", (gone,))
        call.tx.execute("delete from companies_in_archival where id = ?", (gone,))


def list_company_contacts(call: Call) -> dict[str, Any]:
    """GET /companies/{id}/contacts: all on one page."""
    row = company_row(call, call.params["company_id"])
    people = call.rows(
        "select contacts.* from contacts join contact_companies on contact_id = contacts.id"
        " where company_id = ? and not deleted order by number",
        row["id"],
    )
    pages = {"type": "pages", "page": 1, "per_page": _PAGE, "total_pages": 1}
    return shapes.listing([shapes.contact(call, person) for person in people], total_count=len(people), pages=pages)


class Scrolls:
    """The one scroll over all companies that a workspace may have open; it expires after a minute."""

    def __init__(self) -> None:
        self._open: tuple[str, int, float] | None = None

    def scroll(self, call: Call) -> dict[str, Any]:
        """GET /companies/scroll: 100 at a time; an empty page ends it."""
        wanted = call.query.get("scroll_param")
        current = self._open
        if current is not None and call.instant > current[2]:
            current = None
        if wanted is None:
            if current is not None:
                raise Refusal(400, "scroll_exists", "scroll already exists for this workspace")
            current = (str(uuid.uuid4()), 0, 0.0)
        elif current is None or current[0] != wanted:
            raise Refusal(404, "not_found", "scroll parameter not found")
        rows = call.rows(
            "select * from companies where number > ?"
            " and exists (select 1 from contact_companies where company_id = companies.id) order by"
            " number limit ?",
            current[1],
            _SCROLL,
        )
        last = rows[-1]["number"] if rows else 0
        self._open = (current[0], last, call.instant + _SCROLL_SECONDS) if rows else None
        return shapes.listing(
            (shapes.company(call, row) for row in rows), pages=None, total_count=None, scroll_param=current[0]
        )
