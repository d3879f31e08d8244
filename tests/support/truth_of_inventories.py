"""What is known of each real OTRS database's configuration, and what the inventory of a warehouse says of it.

Each function answers what differs, as readable lines: nothing means that everything of the ground truth was found in
its place. `known` is the ground truth as it was counted through the API of the OTRS that wrote the database; the one
of OTRS 5 knows numbers of rows only.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from support.truth import Sql, agreements

Known = Mapping[str, Any]

TABLES = {
    "pm_process": "processes",
    "pm_activity": "process_activities where activity_entity_id in"
    " (select process_activity_entity_id from staging.stg_otrs__process_activities)",
    "service": "services",
    "roles": "roles",
    "configitem": "config_items",
    "configitem_version": "config_item_versions",
    "configitem_definition": "config_item_definitions",
    "general_catalog": "general_catalog",
    "virtual_fs": "config_item_files",
    "calendar": "appointment_calendars",
    "calendar_appointment": "appointments",
    "auto_response": "auto_responses",
    "salutation": "salutations",
    "signature": "signatures",
    "standard_template": "templates",
    "standard_attachment": "template_attachments",
    "system_address": "system_addresses",
    "sysconfig_modified": "settings",
    "package_repository": "packages",
}
"""OTRS table and the inventory table with a row, or several, for each of its rows."""

_SHARED = {"pm_activity": "activity_entity_id"}
"""Inventory tables with several rows for one: what identifies it."""


def missing_rows(sql: Sql, known: Known) -> list[str]:
    """Compare the numbers of rows."""
    lines = []
    for table, inventory in TABLES.items():
        what = f"distinct {_SHARED[table]}" if table in _SHARED else "*"
        ((found,),) = sql(f"select count({what}) from inventory.{inventory}")
        expected = known["table_rows"].get(table, 0)
        if found != expected:
            lines.append(f"{table}: {expected} rows, {found} in the inventory")
    return lines


def differing_processes(sql: Sql, known: Known) -> list[str]:
    """Compare name, state, description, start, and every way with its actions in their order."""
    lines = []
    found = {
        row[0]: row[1:]
        for row in sql(
            "select process_entity_id, process_name, state, description, start_activity_entity_id,"
            " start_dialog_entity_id from inventory.processes"
        )
    }
    ways = Counter(
        sql(
            "select process_entity_id, from_activity_entity_id, transition_entity_id, to_activity_entity_id"
            " from inventory.process_transitions where process_entity_id is not null"
        )
    )
    actions = sql(
        "select process_entity_id, from_activity_entity_id, transition_entity_id, action_entity_id"
        " from inventory.process_transition_actions where process_entity_id is not null"
        " order by process_entity_id, from_activity_entity_id, transition_entity_id, position"
    )
    for process in known.get("processes", ()):
        entity, config = process["entity_id"], process["config"]
        expected = (
            process["name"],
            process["state"].lower(),
            config["Description"],
            config["StartActivity"],
            config["StartActivityDialog"],
        )
        if found.get(entity) != expected:
            lines.append(f"process {entity}: {expected}, {found.get(entity)} in the inventory")
        for activity, transitions in config["Path"].items():
            for transition, way in transitions.items():
                if ways[entity, activity, transition, way["ActivityEntityID"]] != 1:
                    lines.append(f"process {entity}: way {activity} {transition} {way['ActivityEntityID']}")
                listed = [row[3] for row in actions if row[:3] == (entity, activity, transition)]
                if listed != way.get("TransitionAction", []):
                    lines.append(f"process {entity}: actions of {activity} {transition}: {listed}")
    total = sum(len(ways) for process in known.get("processes", ()) for ways in process["config"]["Path"].values())
    if "processes" in known and total != sum(ways.values()):
        lines.append(f"{total} ways in all, {sum(ways.values())} in the inventory")
    return lines


def differing_reports(sql: Sql, known: Known) -> list[str]:
    """Compare number, title, object, kind, formats and validity."""
    if "stats" not in known:
        return []
    found = {
        str(row[0]): row[1:]
        for row in sql(
            "select report_id, report_number, title, object_module, kind, formats, is_valid from inventory.reports"
        )
    }
    expected = {
        str(report["id"]): (
            report["number"],
            report["title"],
            report["object"],
            report["type"],
            ", ".join(report["format"]),
            report["valid"] == "1",
        )
        for report in known["stats"]
    }
    return _differences("report", found, expected)


def differing_config_items(sql: Sql, known: Known) -> list[str]:
    """Compare class, number, name, states, number of versions, and every value of the present version."""
    if "config_items" not in known:
        return []
    found = {
        row[0]: row[1:]
        for row in sql(
            "select config_item_id, class_name, config_item_number, config_item_name, deployment_state,"
            " incident_state, version_count from inventory.config_items"
        )
    }
    expected = {
        item["id"]: (
            item["class"],
            item["number"],
            item["name"],
            item["deployment_state"],
            item["incident_state"],
            max(1, item["versions"]),  # the truth counts from the second one on
        )
        for item in known["config_items"]
    }
    lines = _differences("configuration item", found, expected)
    values: dict[int, dict[str, str]] = {}
    for item, attribute, value in sql(
        "select items.config_item_id, itemvalues.attribute, itemvalues.value"
        " from inventory.config_items as items"
        " join inventory.config_item_versions as versions"
        " on items.config_item_id = versions.config_item_id and versions.is_current"
        " join inventory.config_item_values as itemvalues"
        " on versions.config_item_version_id = itemvalues.config_item_version_id"
    ):
        values.setdefault(item, {})[attribute] = value
    listed = {item["id"]: item["xml"] for item in known["config_items"]}
    return lines + _differences("values of configuration item", values, listed)


def differing_links(sql: Sql, known: Known) -> list[str]:
    """Compare the links of configuration items, each seen from its source."""
    if "links_all" not in known:
        return []
    expected = Counter(
        (link["type"], *link["source"].split(":"), *link["target"].split(":"))
        for link in known["links_all"]
        if "ITSMConfigItem" in link["source"] + link["target"]
    )
    seen = sql(
        "select link_type, config_item_id::varchar, direction, other_object, other_id from inventory.config_item_links"
    )
    found = Counter(
        (kind, "ITSMConfigItem", item, other, number)
        if direction == "to"
        else (kind, other, number, "ITSMConfigItem", item)
        for kind, item, direction, other, number in seen
    )
    # a link between two items is seen from both
    return [f"link {link}" for link in sorted(expected.keys() ^ found.keys())]


def differing_agreements(sql: Sql, known: Known) -> list[str]:
    """Compare which services have which service level agreement, with its thresholds."""
    expected = Counter(
        (service, agreement["Name"], agreement["FirstResponseTime"], agreement["UpdateTime"], agreement["SolutionTime"])
        for agreement in agreements(known.get("slas", []))
        for service in agreement["ServiceIDs"]
    )
    found = Counter(
        (service, item["name"], item["first_response_minutes"], item["update_minutes"], item["solution_minutes"])
        for service, listed in sql("select service_id, slas::varchar from inventory.services where slas is not null")
        for item in json.loads(listed)
    )
    return [f"agreement {one}" for one in sorted((expected - found) + (found - expected))] if expected else []


def services_without_a_place(sql: Sql) -> list[str]:
    """Services that are neither an article nor left to the inventory by decision."""
    return [
        str(path)
        for (path,) in sql(
            "select path from inventory.services where target is null or (target = 'article' and not exists ("
            " select 1 from intercom.requests where requests.kind = 'article.create'"
            " and requests.source_id = services.service_id::varchar))"
        )
    ]


def company_items_without_a_place(sql: Sql) -> list[str]:
    """Configuration items of a company, by classes chosen for it, that its attributes neither name nor count."""
    return [
        f"{company} {kind}: {items} items, {counted}"
        for company, kind, items, counted in sql(
            "select items.company_id, items.class_name, count(*), any_value(counts.otrs_value)"
            " from inventory.config_items as items"
            " join mapping.config_item_classes as decisions on items.class_id = decisions.otrs_class_id"
            " left join intermediate.int_company_config_items as counts on counts.company_id = items.company_id"
            " and counts.description = 'Number of configuration items of the class ' || items.class_name || ' in OTRS'"
            " where decisions.target = 'company_attribute' and items.company_id is not null"
            " group by all having count(*)::varchar is distinct from any_value(counts.otrs_value)"
        )
    ]


def _differences(what: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[str]:
    return [
        f"{what} {key}: {expected.get(key)}, {found.get(key)} in the inventory"
        for key in sorted(expected.keys() | found.keys(), key=str)
        if expected.get(key) != found.get(key)
    ]


CHECKS = (
    *(missing_rows, differing_processes, differing_reports, differing_config_items),
    *(differing_links, differing_agreements),
)
"""What is compared with the truth, whichever OTRS it is of."""
