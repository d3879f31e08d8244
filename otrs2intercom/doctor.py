"""Looks at source, warehouse and workspace before anything moves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from extract.errors import ExtractError
from extract.otrs.catalogue import load_catalogue
from extract.otrs.profile import detect, unsupported
from extract.otrs.settings import otrs_settings
from extract.otrs.snapshot import Snapshot, open_snapshot
from load.client import Client
from load.engine import check_workspace
from load.errors import LoadError
from load.settings import Settings
from otrs2intercom import mapping, transform

SIDE_EFFECTS = (
    "Workflows, Fin and auto-replies run for conversations made through the API: switch them off or add exceptions.",
    "Customers may be notified of conversations and replies in their own name; the API has no switch for that.",
    "Webhook subscribers hear of every object: disable them.",
    "Assignment and closing happen at the time of the load: reports and SLA figures show that time.",
)
"""What the API cannot switch off (Intercom REST 2.16: skip_notifications exists for admin replies only)."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes:
        area: source, warehouse, mapping, workspace or side effects.
        level: ok, warning or problem.
        text: what was found, and what to do about it.
    """

    area: str
    level: str
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Examine everything; one area's failure does not hide the others."""
    findings: list[Finding] = []
    for area, look in (
        ("source", _source),
        ("warehouse", lambda: _warehouse(settings.warehouse)),
        ("mapping", _mapping),
        ("workspace", lambda: _workspace(settings)),
    ):
        findings += _guarded(area, look)
    return findings + [Finding("side effects", "warning", text) for text in SIDE_EFFECTS]


def _guarded(area: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except (ExtractError, LoadError, mapping.MappingFileError, transform.WarehouseHeldError) as error:
        return [Finding(area, "problem", str(error))]
    except Exception as error:  # noqa: BLE001 - whatever it is, the other areas are looked at, too
        return [Finding(area, "problem", f"{type(error).__name__}: {error}")]


def _source() -> list[Finding]:
    settings = otrs_settings()
    with open_snapshot(settings.url()) as snapshot:
        profile = detect(snapshot, settings.timezone)
        found = [
            Finding(
                "source",
                "ok",
                f"{profile.product} {profile.version} ({profile.evidence}) on {snapshot.dialect} "
                f"{snapshot.engine_version}; times are in {profile.time_zone} ({profile.time_zone_evidence})",
            ),
            Finding("source", "ok", _volumes(snapshot)),
        ]
        if reason := unsupported(snapshot):
            found.append(Finding("source", "problem", reason))
        catalogue = load_catalogue()
        known = {name for name in catalogue.resolve(set(snapshot.tables)).values() if name}
        for table in sorted(set(snapshot.tables) - known - set(catalogue.known_unread)):
            number = snapshot.count(table)
            if number:
                found.append(
                    Finding(
                        "source", "warning", f"table {table} ({number:,} rows) is unknown to this tool and not read"
                    )
                )
    return found


def _volumes(snapshot: Snapshot) -> str:
    tables = {
        "tickets": "ticket",
        "articles": "article",
        "attachments": "article_data_mime_attachment",
        "customers": "customer_user",
        "companies": "customer_company",
        "agents": "users",
        "queues": "queue",
        "dynamic fields": "dynamic_field",
    }
    return ", ".join(f"{snapshot.count(table):,} {name}" for name, table in tables.items() if table in snapshot.tables)


def _warehouse(path: Path) -> list[Finding]:
    if not path.exists():
        if not path.resolve().parent.is_dir():
            return [
                Finding(
                    "warehouse", "problem", f"the folder of {path} does not exist: create it or set WAREHOUSE__PATH"
                )
            ]
        return [Finding("warehouse", "ok", f"{path} does not exist yet; the first extract makes it")]
    transform.require_warehouse_free(path)
    return [Finding("warehouse", "ok", f"{path}, {path.stat().st_size / 1e6:,.1f} MB, is free to be written")]


def _mapping() -> list[Finding]:
    states = mapping.check()
    if not any(state.rows for state in states):
        return [Finding("mapping", "warning", "no decisions yet: run `otrs2intercom map` after the extracts")]
    still_open = sum(state.open for state in states)
    if still_open:
        return [
            Finding("mapping", "warning", f"{still_open} decisions are open; `otrs2intercom map --check` lists them")
        ]
    return [Finding("mapping", "ok", f"{sum(state.rows for state in states)} decisions, all confirmed")]


def _workspace(settings: Settings) -> list[Finding]:
    if not settings.intercom.access_token:
        return [
            Finding("workspace", "problem", "INTERCOM__ACCESS_TOKEN is not set: create one in Intercom's Developer Hub")
        ]
    with Client(settings.intercom) as client:
        there = client.workspace()
        found = [Finding("workspace", "ok", f"{there.name} ({there.workspace_id}), region {there.region}")]
        if not settings.intercom.workspace_id:
            found.append(
                Finding(
                    "workspace",
                    "problem",
                    f"INTERCOM__WORKSPACE_ID is not set; if {there.name} is the one: {there.workspace_id}",
                )
            )
        else:
            check_workspace(client, settings.intercom)
        admins = (client.fetch("/admins") or {}).get("admins") or []
        teams = (client.fetch("/teams") or {}).get("teams") or []
        found.append(Finding("workspace", "ok", f"{len(admins)} teammates, {len(teams)} teams"))
        limit = client.limiter.limit
        if limit:
            found.append(Finding("workspace", "ok", f"{limit:,} requests per 10 seconds"))
    return found
