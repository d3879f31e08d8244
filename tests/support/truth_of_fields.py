"""Where each value that the ground truth knows of a ticket is in the plan: attribute, tag, note, or a reason.

Each function answers what is missing, in words; an empty list is what a test wants to see.
"""

import json
from collections import defaultdict
from typing import Any

from support.truth import Sql, agreements

Known = dict[str, Any]


def fields_not_listed(sql: Sql, known: Known) -> list[str]:
    """Dynamic fields of the truth that `inventory.dynamic_fields` lacks or shows differently."""
    listed = {
        name: (label, kind, owner, valid)
        for name, label, kind, owner, valid in sql(
            "select field_name, field_label, field_type, object_type, is_valid from inventory.dynamic_fields"
        )
    }
    return [
        f"{field['name']}: {listed.get(field['name'])}"
        for field in known["dynamic_fields"]
        if listed.get(field["name"])
        != (field["label"] or field["name"], field["type"], field["object"], str(field["valid_id"]) == "1")
    ]


def field_values_not_found(sql: Sql, known: Known) -> list[str]:
    """Values of tickets' and articles' fields that are neither in an attribute, a tag, a note, nor excluded."""
    text_of = _texts_of_conversations(sql)
    loaded = {ticket for (ticket,) in sql("select ticket_id from intermediate.int_tickets_decided where is_loaded")}
    home: dict[int, int] = dict(sql("select article_id, ticket_id from staging.stg_otrs__articles"))
    labels: dict[str, dict[str, str]] = {
        field["name"]: field["config"].get("PossibleValues") or {} for field in known["dynamic_fields"]
    }
    kinds = {field["name"]: field["type"] for field in known["dynamic_fields"]}
    names: dict[str, str] = dict(sql("select process_entity_id, process_name from staging.stg_otrs__processes"))
    names |= dict(
        sql("select process_activity_entity_id, process_activity_name from staging.stg_otrs__process_activities")
    )
    zone = sql("select time_zone from staging.stg_otrs__source_profile")[0][0]
    missing = []
    for owner in ("Ticket", "Article"):
        for object_id, fields in known["dynamic_field_values_all"].get(owner, {}).items():
            ticket = int(object_id) if owner == "Ticket" else home.get(int(object_id))
            if ticket is None or ticket not in loaded:
                continue
            for field, values in fields.items():
                for value in values:
                    shown = _as_shown(sql, kinds[field], value, zone, in_a_note=owner == "Article")
                    shown = names.get(shown, labels[field].get(shown, shown)) or shown
                    if not any(shown.strip() in text for text in text_of[ticket]):
                        missing.append(f"{owner} {object_id} {field}: {shown!r}")
    return missing


def watchers_not_found(sql: Sql, known: Known) -> list[str]:
    """Watchers whose name is not in the attribute of a ticket that is loaded."""
    names: dict[str, str] = dict(sql("select agent_login, agent_name from intermediate.int_agents_described"))
    shown = _attribute(sql, "OTRS watchers")
    return [
        f"{ticket}: {login}"
        for ticket, login in known["watchers_all"]
        if _is_loaded(sql, ticket) and names[login] not in shown.get(ticket, "")
    ]


def time_units_not_found(sql: Sql, known: Known) -> list[str]:
    """Tickets whose accounted time differs from the attribute."""
    shown = _attribute(sql, "OTRS time units")
    return [
        f"{ticket}: {units} is {shown.get(int(ticket))}"
        for ticket, units in known["time_accounting_per_ticket"].items()
        if _is_loaded(sql, int(ticket)) and float(shown.get(int(ticket), "nan")) != float(units)
    ]


def links_not_found(sql: Sql, known: Known) -> list[str]:
    """Links that are in the attribute of neither ticket, and not in the inventory of links either."""
    numbers = {
        str(ticket): number for ticket, number in sql("select ticket_id, ticket_number from staging.stg_otrs__tickets")
    }
    shown = {
        str(ticket): text
        for ticket, text in sql(
            "select ticket_id, full_text from intermediate.int_ticket_link_values where name = 'OTRS links'"
        )
    }
    listed = set(
        sql(
            "select source_object || ':' || source_key, target_object || ':' || target_key, link_type"
            " from inventory.links"
        )
    )
    missing = []
    for link in known["links_all"]:
        if (link["source"], link["target"], link["type"]) not in listed:
            missing.append(f"not listed: {link}")
        for own, other in ((link["source"], link["target"]), (link["target"], link["source"])):
            kind, _, key = own.partition(":")
            other_kind, _, other_key = other.partition(":")
            if kind == "Ticket" and _is_loaded(sql, int(key)):
                wanted = numbers.get(other_key, other_key) if other_kind == "Ticket" else ""
                if key not in shown or wanted not in shown[key]:
                    missing.append(f"{own}: {other}")
    return missing


def merges_not_found(sql: Sql, known: Known) -> list[str]:
    """Merged tickets whose attribute does not name the ticket that they were merged into."""
    shown: dict[str, str] = dict(
        sql(
            "select ticket_number, otrs_value from intermediate.int_ticket_link_values"
            " join staging.stg_otrs__tickets using (ticket_id) where name = 'OTRS merged into'"
        )
    )
    return [
        f"{number}: {main} is {shown.get(number)}"
        for number, main in known["merged_into"].items()
        if shown.get(number) != main
    ]


def slas_not_listed(sql: Sql, known: Known) -> list[str]:
    """Service level agreements that the inventory lacks or shows with other times."""
    listed = {
        name: times
        for name, *times in sql(
            "select sla_name, first_response_minutes, update_minutes, solution_minutes, is_valid from inventory.slas"
        )
    }
    return [
        f"{sla['Name']}: {listed.get(sla['Name'])}"
        for sla in agreements(known["slas"])
        if listed.get(sla["Name"])
        != [sla["FirstResponseTime"], sla["UpdateTime"], sla["SolutionTime"], sla["ValidID"] == 1]
    ]


CHECKS = (
    *(fields_not_listed, field_values_not_found, watchers_not_found, time_units_not_found),
    *(links_not_found, merges_not_found, slas_not_listed),
)
"""All of them, for a database whose truth is that of Znuny 6.5."""


def _texts_of_conversations(sql: Sql) -> dict[int, list[str]]:
    """Everything that a ticket's conversation says beside its articles: attributes, tags, notes."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for ticket, value in sql(
        "select ticket_id, coalesce(full_text, value::varchar) from intermediate.int_ticket_attribute_values"
        " where not is_cut"
    ):
        texts[ticket].append(value)
    for ticket, tag in sql(
        "select otrs_ticket_id, tag_name from intercom.conversation_tags join intercom.conversations"
        " using (conversation_key)"
    ):
        texts[ticket].append(tag)
    for ticket, body in sql(
        "select ticket_id, replace(replace(replace(replace(replace(body, '<br>', chr(10)), '&quot;', '\"'), '&lt;',"
        " '<'), '&gt;', '>'), '&amp;', '&') from intermediate.int_ticket_notes"
    ):
        texts[ticket].append(body)
    return texts


def _as_shown(sql: Sql, kind: str, value: Any, zone: str, *, in_a_note: bool) -> str:
    """A value of the truth as an attribute says it: dates as seconds, checkboxes true or false; notes: yes or no."""
    if kind == "Checkbox":
        return (("no", "yes") if in_a_note else ("false", "true"))[value == 1]
    if kind in {"Date", "DateTime"}:
        seconds = f"epoch(timestamp '{value}' at time zone '{'UTC' if kind == 'Date' else zone}')::bigint::varchar"
        return str(sql(f"select {seconds}")[0][0])
    return str(value).replace("\r\n", "\n")


def _attribute(sql: Sql, name: str) -> dict[int, str]:
    return {
        ticket: json.loads(value) if value.startswith('"') else value
        for ticket, value in sql(
            f"select ticket_id, value::varchar from intermediate.int_ticket_attribute_values where name = '{name}'"
        )
    }


def _is_loaded(sql: Sql, ticket: int) -> bool:
    return bool(sql(f"select 1 from intermediate.int_tickets_decided where is_loaded and ticket_id = {ticket}"))
