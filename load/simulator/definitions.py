"""Handlers for what a workspace is set up with: identity, teammates, teams, tags, attribute definitions.

Teammates and teams are read-only in Intercom REST 2.16: no version has POST /admins or POST /teams.
"""

import json
import sqlite3
from typing import Any

from load.simulator import content, rules, shapes
from load.simulator.call import Call
from load.simulator.rules import Refusal, invalid

_STANDARD_ATTRIBUTES = (
    ("contact", "name", "Full name", "string"),
    ("contact", "email", "Email", "string"),
    ("contact", "phone", "Phone", "string"),
    ("contact", "external_id", "User ID", "string"),
    ("contact", "signed_up_at", "Signed up", "date"),
    ("company", "name", "Company name", "string"),
    ("company", "company_id", "Company ID", "string"),
    ("company", "remote_created_at", "Company created at", "date"),
    ("company", "monthly_spend", "Monthly Spend", "float"),
    ("company", "size", "Company size", "integer"),
)


def me(call: Call) -> dict[str, Any]:
    """The teammate whom the token acts for, and the workspace."""
    owner = call.rows("select * from admins order by id limit 1")[0]
    options = call.options
    return {
        "type": "admin",
        "id": str(owner["id"]),
        "email": owner["email"],
        "name": owner["name"],
        "email_verified": True,
        "has_inbox_seat": True,
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "team_ids": [],
        "app": {
            "type": "app",
            "id_code": options.workspace_id,
            "name": options.workspace_name,
            "created_at": 1_700_000_000,
            "secure": False,
            "identity_verification": False,
            "timezone": options.timezone,
            "region": options.region,
        },
    }


def list_admins(call: Call) -> dict[str, Any]:
    """All teammates."""
    rows = call.rows("select * from admins order by id")
    return {"type": "admin.list", "admins": [shapes.admin(call, row) for row in rows]}


def get_admin(call: Call) -> dict[str, Any]:
    """One teammate."""
    return shapes.admin(call, admin_row(call, call.params["admin_id"]))


def admin_row(call: Call, admin_id: str) -> sqlite3.Row:
    """The teammate with this id, which must be a string.

    Raises:
        Refusal: no such teammate, 404.
    """
    row = call.row("select * from admins where id = ?", int(admin_id)) if admin_id.isdecimal() else None
    if row is None:
        raise Refusal(404, "admin_not_found", "Admin not found")
    return row


def acting_admin(call: Call) -> str:
    """The `admin_id` of the request: a string, of a teammate who exists."""
    admin_id = rules.needed(call.body, "admin_id")
    return str(admin_row(call, admin_id)["id"])


def list_teams(call: Call) -> dict[str, Any]:
    """All teams."""
    return {
        "type": "team.list",
        "teams": [shapes.team(call, row) for row in call.rows("select * from teams order by id")],
    }


def get_team(call: Call) -> dict[str, Any]:
    """One team."""
    return shapes.team(call, team_row(call, call.params["team_id"]))


def team_row(call: Call, team_id: str) -> sqlite3.Row:
    """The team with this id.

    Raises:
        Refusal: no such team, 404.
    """
    row = call.row("select * from teams where id = ?", int(team_id)) if team_id.isdecimal() else None
    if row is None:
        raise Refusal(404, "team_not_found", "Team not found")
    return row


def list_tags(call: Call) -> dict[str, Any]:
    """All tags."""
    return shapes.listing(shapes.tag(row) for row in call.rows("select * from tags order by id"))


def get_tag(call: Call) -> dict[str, Any]:
    """One tag."""
    return shapes.tag(tag_row(call, call.params["tag_id"]))


def tag_row(call: Call, tag_id: str, code: str = "not_found", message: str = "Resource Not Found") -> sqlite3.Row:
    """The tag with this id.

    Raises:
        Refusal: no such tag, 404 with the code and message given.
    """
    row = call.row("select * from tags where id = ?", int(tag_id)) if tag_id.isdecimal() else None
    if row is None:
        raise Refusal(404, code, message)
    return row


def create_tag(call: Call) -> dict[str, Any]:
    """Creates or returns the tag of this name, renames one, tags users and companies."""
    if not isinstance(call.body.get("name"), str) or not call.body["name"]:
        raise invalid("invalid tag parameters")
    name = call.body["name"]
    if call.body.get("id") is not None:
        row = tag_row(call, str(call.body["id"]))
        try:
            call.tx.execute("update tags set name = ? where id = ?", (name, row["id"]))
        except sqlite3.IntegrityError as error:
            raise invalid(f"Tag '{name}' already exists") from error
        return shapes.tag(tag_row(call, str(row["id"])))
    tag_id = content.put_tag(call.tx, name)
    for user in call.body.get("users") or ():
        if call.row("select 1 from contacts where id = ? and not deleted", user.get("id")) is None:
            raise Refusal(404, "not_found", "User Not Found")
        call.tx.execute("insert or ignore into contact_tags values (?, ?, ?)", (user["id"], tag_id, call.now))
    for company in call.body.get("companies") or ():
        found = call.value(
            "select id from companies where id = ? or company_id = ?",
            company.get("id"),
            company.get("company_id"),
        )
        if found is None:
            raise Refusal(404, "company_not_found", "Company Not Found")
        if company.get("untag"):
            call.tx.execute("delete from company_tags where company_id = ? and tag_id = ?", (found, tag_id))
        else:
            call.tx.execute("insert or ignore into company_tags values (?, ?)", (found, tag_id))
    return shapes.tag(tag_row(call, str(tag_id)))


def delete_tag(call: Call) -> dict[str, Any]:
    """Deletes a tag everywhere, unless a segment needs it."""
    row = tag_row(call, call.params["tag_id"])
    if row["name"] in call.options.depended_on:
        raise Refusal(400, "tag_has_dependent_objects", "Unable to delete Tag with dependent objects. Segments: Seg 1.")
    tag_id = row["id"]
    for table in ("contact_tags", "company_tags", "conversation_tags"):
        call.tx.execute(f"delete from {table} where tag_id = ?", (tag_id,))
    call.tx.execute("delete from tags where id = ?", (tag_id,))
    return {}


def list_data_attributes(call: Call) -> dict[str, Any]:
    """Attributes of contacts and companies, a few of Intercom's own included."""
    model = call.query.get("model")
    if model == "conversation":
        raise invalid("model=conversation is no longer supported. Use GET /conversations/attributes instead", 422)
    if model not in {None, "contact", "company"}:
        raise invalid("The Data Attribute model field must be either contact or company", 422)
    standard = [
        {
            "type": "data_attribute",
            "model": owner,
            "name": name,
            "full_name": name,
            "label": label,
            "description": label,
            "data_type": data_type,
            "api_writable": True,
            "messenger_writable": False,
            "ui_writable": False,
            "custom": False,
            "archived": False,
        }
        for owner, name, label, data_type in _STANDARD_ATTRIBUTES
        if model in {None, owner}
    ]
    archived = call.query.get("include_archived") == "true"
    rows = call.rows(
        "select * from data_attributes where (? is null or model = ?) and (? or not archived) order by id",
        model,
        model,
        archived,
    )
    return shapes.listing(standard + [shapes.data_attribute(row) for row in rows])


def create_data_attribute(call: Call) -> dict[str, Any]:
    """Defines an attribute of contacts or companies; names are unique across both."""
    body = call.body
    name = rules.data_attribute_name(rules.needed(body, "name"))
    model = rules.needed(body, "model")
    if model not in {"contact", "company"}:
        # 2.16 wants conversations' attributes at an address of their own
        raise invalid("The Data Attribute model field must be either contact or company", 422)
    if rules.needed(body, "data_type") not in rules.DATA_TYPES:
        raise invalid("Data Type isn't an option")
    values = rules.choices(body, "value", 400) if body["data_type"] == "options" else []
    taken = call.value(
        "select model from data_attributes where name = ? collate nocase and (? or not archived)"
        " order by model = ? desc",
        name,
        call.options.archived_names_are_taken,
        model,
    )
    if taken is not None:
        label = {"contact": "people", "company": "company"}
        raise invalid(
            f"You already have '{name}' in your {label[taken]} data."
            f" To save this as new {label[model]} data, use a different name."
        )
    if call.value("select count(*) from data_attributes where not archived") >= rules.MAX_DATA_ATTRIBUTES:
        raise invalid(f"You have reached the limit of {rules.MAX_DATA_ATTRIBUTES} custom data attributes")
    attribute_id = content.add_data_attribute(call.tx, body, values, call.now)
    return shapes.data_attribute(_data_attribute(call, str(attribute_id)))


def update_data_attribute(call: Call) -> dict[str, Any]:
    """Changes description, options or archives."""
    row = _data_attribute(call, call.params["data_attribute_id"])
    values = json.loads(row["options"])
    if call.body.get("options") is not None:
        values = rules.choices(call.body, "value", 400)
    archived = rules.flag(call.body, "archived")
    if archived and row["name"] in call.options.depended_on:
        message = "The Data Attribute you are trying to archive has a dependant object"
        raise Refusal(422, "data_invalid", message)
    twin = "select 1 from data_attributes where name = ? collate nocase and not archived and id != ?"
    if archived is False and call.row(twin, row["name"], row["id"]) is not None:
        raise invalid(f"You already have '{row['name']}' in your data.")
    call.tx.execute(
        "update data_attributes set description = coalesce(?, description), options = ?,"
        " archived = coalesce(?, archived), updated_at = ? where id = ?",
        (rules.text(call.body, "description"), json.dumps(values), archived, call.now, row["id"]),
    )
    return shapes.data_attribute(_data_attribute(call, str(row["id"])))


def _data_attribute(call: Call, attribute_id: str) -> sqlite3.Row:
    row = None
    if attribute_id.isdecimal():
        row = call.row("select * from data_attributes where id = ?", int(attribute_id))
    if row is None:
        raise Refusal(404, "field_not_found", "We couldn't find that data attribute to update")
    return row


def list_conversation_attributes(call: Call) -> dict[str, Any]:
    """Attributes of conversations."""
    archived = call.query.get("include_archived") == "true"
    rows = call.rows("select * from conversation_attributes where ? or not archived order by id", archived)
    return shapes.listing(shapes.conversation_attribute(row) for row in rows)


def get_conversation_attribute(call: Call) -> dict[str, Any]:
    """One attribute of conversations."""
    return shapes.conversation_attribute(_conversation_attribute(call))


def create_conversation_attribute(call: Call) -> dict[str, Any]:
    """Defines an attribute of conversations; new in 2.16."""
    body = call.body
    name, data_type = body.get("name"), body.get("data_type")
    if not isinstance(name, str) or not name:
        raise invalid("name is required", 422)
    if data_type not in rules.CONVERSATION_TYPES:
        allowed = ", ".join(rules.CONVERSATION_TYPES)
        raise invalid(f"data_type '{data_type}' is not valid. Allowed types: {allowed}", 422)
    if data_type in {"relationship", "files"}:
        raise invalid(f"data_type '{data_type}' is not simulated: there are no custom objects here", 422)
    labels = rules.choices(body, "label", 422) if data_type == "list" else []
    taken = "select 1 from conversation_attributes where name = ? and (? or not archived)"
    if call.row(taken, name, call.options.archived_names_are_taken) is not None:
        raise invalid(f"A conversation attribute named '{name}' already exists", 422)
    attribute_id = content.add_conversation_attribute(call.tx, body, labels, call.now)
    return shapes.conversation_attribute(_conversation_attribute(call, attribute_id))


def update_conversation_attribute(call: Call) -> dict[str, Any]:
    """Changes name, description, `required`, `multiline` or the teams that see it; the type stays."""
    row = _conversation_attribute(call)
    teams = call.body.get("visible_to_team_ids")
    call.tx.execute(
        "update conversation_attributes set name = coalesce(?, name), description = coalesce(?, description),"
        " required = coalesce(?, required), multiline = coalesce(?, multiline),"
        " visible_to_team_ids = coalesce(?, visible_to_team_ids), updated_at = ? where id = ?",
        (
            rules.text(call.body, "name"),
            rules.text(call.body, "description"),
            rules.flag(call.body, "required"),
            rules.flag(call.body, "multiline"),
            None if teams is None else json.dumps(teams),
            call.now,
            row["id"],
        ),
    )
    return shapes.conversation_attribute(_conversation_attribute(call))


def archive_conversation_attribute(call: Call) -> dict[str, Any]:
    """DELETE archives."""
    row = _conversation_attribute(call)
    call.tx.execute(
        "update conversation_attributes set archived = 1, updated_at = ? where id = ?", (call.now, row["id"])
    )
    return shapes.conversation_attribute(_conversation_attribute(call))


def add_option(call: Call) -> dict[str, Any]:
    """Adds an option to a list attribute."""
    row, options = _options(call)
    options.append({"id": f"{row['id']}-{len(options) + 1}", "label": _label(call), "archived": False})
    return _keep_options(call, options)


def update_option(call: Call) -> dict[str, Any]:
    """Renames an option of a list attribute."""
    _, options = _options(call)
    _option(call, options)["label"] = _label(call)
    return _keep_options(call, options)


def archive_option(call: Call) -> dict[str, Any]:
    """Archives an option; two active ones must remain."""
    _, options = _options(call)
    _option(call, options)["archived"] = True
    if sum(not option["archived"] for option in options) < rules.MIN_CHOICES:
        raise invalid("List attributes must have at least two active options", 422)
    return _keep_options(call, options)


def _label(call: Call) -> str:
    if set(call.body) - {"label"}:
        raise invalid("only 'label' is accepted", 422)
    label = call.body.get("label")
    if label is None or label == "":
        raise invalid("label is required", 422)
    if not isinstance(label, str):
        raise invalid("label must be a string", 422)
    return label


def _options(call: Call) -> tuple[sqlite3.Row, list[dict[str, Any]]]:
    row = _conversation_attribute(call)
    if row["data_type"] != "list":
        raise invalid("Options can only be managed on list attributes", 422)
    return row, json.loads(row["options"])


def _option(call: Call, options: list[dict[str, Any]]) -> dict[str, Any]:
    for option in options:
        if option["id"] == call.params["option_id"]:
            return option
    raise Refusal(404, "not_found", "Resource Not Found")


def _keep_options(call: Call, options: list[dict[str, Any]]) -> dict[str, Any]:
    call.tx.execute(
        "update conversation_attributes set options = ?, updated_at = ? where id = ?",
        (json.dumps(options), call.now, int(call.params["id"])),
    )
    return shapes.conversation_attribute(_conversation_attribute(call))


def _conversation_attribute(call: Call, attribute_id: int | None = None) -> sqlite3.Row:
    wanted = call.params["id"] if attribute_id is None else str(attribute_id)
    row = None
    if wanted.isdecimal():
        row = call.row("select * from conversation_attributes where id = ?", int(wanted))
    if row is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return row
