"""Handlers for contacts and what hangs on them."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from load.simulator import attributes, content, rules, search, shapes
from load.simulator.call import Call, Page, page_of
from load.simulator.companies import company_row
from load.simulator.definitions import admin_row, tag_row
from load.simulator.rules import Refusal, invalid

_PAGE, _LARGEST_PAGE = 50, 150
_SORTABLE = {"created_at", "updated_at", "name", "email", "signed_up_at", "last_seen_at"}


def contact_row(call: Call, contact_id: str) -> sqlite3.Row:
    """The contact with this id.

    Raises:
        Refusal: there is none, or it was deleted; 404.
    """
    row = call.row("select * from contacts where id = ? and not deleted", contact_id)
    if row is None:
        raise Refusal(404, "not_found", "User Not Found")
    return row


def create_contact(call: Call) -> dict[str, Any]:
    """POST /contacts: strict. No two users share an e-mail or an external id, archived ones included."""
    fields = _fields(call)
    if not (fields.get("email") or fields.get("external_id") or fields.get("role")):
        raise Refusal(400, "parameter_missing", "one of email, external_id or role is required")
    fields["role"] = fields.get("role") or "user"
    fields["custom_attributes"] = attributes.after_request(call, "contact", {}, must_exist=True)
    _refuse_twin(call, fields, None)
    contact_id = content.add_contact(call.tx, fields, call.now, call.instant)
    return shapes.contact(call, contact_row(call, contact_id))


def update_contact(call: Call) -> dict[str, Any]:
    """PUT /contacts/{id}: changes what is named, leaves the rest."""
    row = contact_row(call, call.params["contact_id"])
    fields = {name: value for name, value in _fields(call).items() if name in call.body}
    known = json.loads(row["custom_attributes"])
    held = attributes.after_request(call, "contact", known, must_exist=True)
    _refuse_twin(call, {**dict(row), **fields}, row["id"])
    assignments = "".join(f"{name} = :{name}, " for name in fields)
    call.tx.execute(
        f"update contacts set {assignments}custom_attributes = :attributes, updated_at = :now,"
        " changed = :instant"
        " where id = :id",
        {
            **fields,
            "attributes": json.dumps(held),
            "now": call.now,
            "instant": call.instant,
            "id": row["id"],
        },
    )
    return shapes.contact(call, contact_row(call, row["id"]))


def _fields(call: Call) -> dict[str, Any]:
    body = call.body
    role = rules.text(body, "role")
    if role not in {None, "user", "lead"}:
        raise invalid("role must be user or lead")
    owner = rules.text(body, "owner_id")
    if owner:
        admin_row(call, owner)
    email = rules.text(body, "email")
    if email and ("@" not in email or " " in email):
        raise invalid("email is invalid")
    return {
        "role": role,
        **{name: rules.text(body, name) for name in ("external_id", "name", "avatar")},
        "email": email or None,
        "phone": rules.phone(body, call.options),
        "owner_id": int(owner) if owner else None,
        **{name: rules.flag(body, name) for name in ("email_verified", "unsubscribed_from_emails")},
        **{name: rules.seconds(body, name) for name in ("signed_up_at", "last_seen_at")},
    }


def _refuse_twin(call: Call, fields: Mapping[str, Any], own_id: str | None) -> None:
    if fields.get("role") != "user":
        return
    for column in ("external_id", "email"):
        if not fields.get(column):
            continue
        twin = call.row(
            f"select id, archived from contacts where {column} = ? and role = 'user' and not deleted and id is not ?",
            fields[column],
            own_id,
        )
        if twin is not None:
            kind = "An archived contact" if twin["archived"] else "A contact"
            raise Refusal(409, "conflict", f"{kind} matching those details already exists with id={twin['id']}")


def get_contact(call: Call) -> dict[str, Any]:
    """GET /contacts/{id}."""
    return shapes.contact(call, contact_row(call, call.params["contact_id"]))


def find_contact(call: Call) -> dict[str, Any]:
    """GET /contacts/find_by_external_id: users only."""
    row = call.row(
        "select * from contacts where external_id = ? and role = 'user' and not deleted",
        call.params["external_id"],
    )
    if row is None:
        raise Refusal(404, "not_found", "User Not Found")
    return shapes.contact(call, row)


def list_contacts(call: Call) -> dict[str, Any]:
    """GET /contacts, by cursor."""
    page = page_of(call.query, _PAGE, _LARGEST_PAGE)
    return _contact_list(call, search.Condition("1", ()), page, "number")


def search_contacts(call: Call) -> dict[str, Any]:
    """POST /contacts/search: does not see what has just been made when the workspace lags."""
    condition = search.contact_condition(call.body.get("query"), call.options)
    if call.options.search_lag:
        visible = call.instant - call.options.search_lag
        condition = search.Condition(f"changed <= ? and {condition.sql}", (visible, *condition.bound))
    page = page_of(call.body.get("pagination") or {}, _PAGE, _LARGEST_PAGE)
    return _contact_list(call, condition, page, _order(call.body.get("sort")))


def _order(sort: Any) -> str:
    if not sort:
        return "number"
    order = sort.get("order", "descending")
    if order not in {"ascending", "descending"}:
        raise Refusal(400, "invalid_sort_order", f"Invalid sort order '{order}'. Must be one of: ascending, descending")
    if sort.get("field") not in _SORTABLE:
        raise Refusal(400, "invalid_sort_field", f"Invalid sort field '{sort.get('field')}'")
    return f"{sort['field']} {order.removesuffix('ending')}, number"


def _contact_list(call: Call, condition: search.Condition, page: Page, order: str) -> dict[str, Any]:
    where = f"not deleted and not archived and {condition.sql}"
    total = call.value(f"select count(*) from contacts where {where}", *condition.bound)
    rows = call.rows(
        f"select * from contacts where {where} order by {order} limit ? offset ?",
        *condition.bound,
        page.size,
        page.after,
    )
    return shapes.listing((shapes.contact(call, row) for row in rows), total_count=total, pages=page.pages(total))


def delete_contact(call: Call) -> dict[str, Any]:
    """DELETE /contacts/{id}: gone for good; what it wrote stays."""
    row = contact_row(call, call.params["contact_id"])
    call.tx.execute("update contacts set deleted = 1 where id = ?", (row["id"],))
    call.tx.execute("delete from contact_companies where contact_id = ?", (row["id"],))
    call.tx.execute("delete from contact_tags where contact_id = ?", (row["id"],))
    return {**_reference(row), "deleted": True}


def archive_contact(call: Call) -> dict[str, Any]:
    """POST /contacts/{id}/archive."""
    return _set_archived(call, archived=True)


def unarchive_contact(call: Call) -> dict[str, Any]:
    """POST /contacts/{id}/unarchive."""
    return _set_archived(call, archived=False)


def _set_archived(call: Call, *, archived: bool) -> dict[str, Any]:
    row = contact_row(call, call.params["contact_id"])
    call.tx.execute(
        "update contacts set archived = ?, updated_at = ?, changed = ? where id = ?",
        (archived, call.now, call.instant, row["id"]),
    )
    return {**_reference(row), "archived": archived}


def _reference(row: sqlite3.Row) -> dict[str, Any]:
    return {"type": "contact", "id": row["id"], "external_id": row["external_id"]}


def list_contact_companies(call: Call) -> dict[str, Any]:
    """The companies of a contact: under `companies` as the schema says and `data` as its example does."""
    row = contact_row(call, call.params["contact_id"])
    found = [
        shapes.company(call, company)
        for company in call.rows(
            "select companies.* from companies join contact_companies on contact_companies.company_id"
            " = companies.id"
            " where contact_id = ? order by number",
            row["id"],
        )
    ]
    pages = {"type": "pages", "next": None, "page": 1, "per_page": _PAGE, "total_pages": 1}
    return shapes.listing(found, companies=found, total_count=len(found), pages=pages)


def attach_company(call: Call) -> dict[str, Any]:
    """Makes a contact a member of a company, by the company's Intercom id."""
    if not isinstance(call.body.get("id"), str):
        raise Refusal(400, "parameter_not_found", "company not specified")
    row = contact_row(call, call.params["contact_id"])
    company = company_row(call, call.body["id"])
    held = call.value("select count(*) from contact_companies where contact_id = ?", row["id"])
    if held >= rules.MAX_COMPANIES_PER_CONTACT:
        raise Refusal(
            400,
            "contact_company_limit_exceeded",
            f"Contact has reached the maximum of {rules.MAX_COMPANIES_PER_CONTACT} company associations",
        )
    call.tx.execute("insert or ignore into contact_companies values (?, ?)", (row["id"], company["id"]))
    return shapes.company(call, company)


def detach_company(call: Call) -> dict[str, Any]:
    """Ends a membership."""
    row = contact_row(call, call.params["contact_id"])
    company = company_row(call, call.params["company_id"])
    gone = call.tx.execute(
        "delete from contact_companies where contact_id = ? and company_id = ?", (row["id"], company["id"])
    )
    if not gone.rowcount:
        raise Refusal(404, "company_not_found", "Company Not Found")
    return shapes.company(call, company)


def list_contact_tags(call: Call) -> dict[str, Any]:
    """The tags of a contact."""
    row = contact_row(call, call.params["contact_id"])
    found = call.rows(
        "select tags.id, name from tags join contact_tags on tag_id = tags.id where contact_id = ? order by tags.id",
        row["id"],
    )
    return shapes.listing(shapes.tag(tag) for tag in found)


def tag_contact(call: Call) -> dict[str, Any]:
    """Tags a contact."""
    row = contact_row(call, call.params["contact_id"])
    tag = tag_row(call, rules.needed(call.body, "id"))
    call.tx.execute("insert or ignore into contact_tags values (?, ?, ?)", (row["id"], tag["id"], call.now))
    return shapes.tag(tag)


def untag_contact(call: Call) -> dict[str, Any]:
    """Takes a tag from a contact."""
    row = contact_row(call, call.params["contact_id"])
    tag = tag_row(call, call.params["tag_id"])
    gone = call.tx.execute("delete from contact_tags where contact_id = ? and tag_id = ?", (row["id"], tag["id"]))
    if not gone.rowcount:
        raise Refusal(404, "not_found", "Resource Not Found")
    return shapes.tag(tag)
