"""Looks at source, warehouse and workspace before anything moves, and says how much there is to move."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import yaml

from extract.errors import ExtractError, SettingsError
from extract.otrs.account import Account, examine_account
from extract.otrs.article_files import ArticleFilesSurvey, survey
from extract.otrs.catalogue import load_catalogue
from extract.otrs.customers_csv import read_customers
from extract.otrs.discovery import Agents, Attachments, Customers, Scope, discover
from extract.otrs.disk import check_disk, disk_needed
from extract.otrs.profile import detect
from extract.otrs.settings import OtrsSettings, otrs_settings
from extract.otrs.snapshot import Snapshot, Throttle, open_snapshot
from load import guards, silence
from load.client import Client
from load.engine import check_workspace
from load.errors import LoadError
from load.settings import Settings
from otrs2intercom import mapping, transform
from otrs2intercom.estimate import Estimate, estimate
from otrs2intercom.screen import size

ON_DISK = {"files", "mixed"}
"""Kinds of storage with files outside the database."""

SHOWN = 8
"""Names that a finding lists."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes:
        area: source, warehouse, mapping, workspace, side effects, or what `apply` asks for before it writes:
            settings, ledger, plan, permissions, disk and files.
        level: ok, warning or problem.
        text: what was found, and what to do about it.
    """

    area: str
    level: str
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """Everything the doctor found.

    Attributes:
        findings: one line each, by area.
        scope: what there is to migrate; None where the source could not be read.
        estimate: requests of a first load; None where the source does not say enough.
    """

    findings: tuple[Finding, ...]
    scope: Scope | None
    estimate: Estimate | None

    def as_data(self) -> dict[str, Any]:
        """Return it for JSON: `findings`, and `scope` with the `estimate` in it."""
        scope = asdict(self.scope) if self.scope else None
        if scope is not None:
            scope["estimate"] = asdict(self.estimate) if self.estimate else None
        return {"findings": [asdict(finding) for finding in self.findings], "scope": scope}


def diagnose(settings: Settings) -> Diagnosis:
    """Examine everything; one area's failure does not hide the others. Nothing is changed anywhere."""
    source = _Source(settings.warehouse)
    findings: list[Finding] = []
    for area, look in (
        ("source", source.look),
        ("warehouse", lambda: _warehouse(settings.warehouse)),
        ("mapping", _mapping),
        ("workspace", lambda: _workspace(settings)),
    ):
        findings += _guarded(area, look)
    answered = not any(finding.area == "workspace" and finding.level == "problem" for finding in findings)
    findings += _guarded("plan", lambda: _guards(settings, online=answered))
    findings += [
        Finding("side effects", "warning", f"{effect.name}: {effect.meaning}. To do: {effect.remedy}.")
        for effect in silence.EFFECTS
    ]
    return Diagnosis(tuple(findings), source.scope, estimate(source.scope) if source.scope else None)


def _guarded(area: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except (ExtractError, LoadError, mapping.MappingFileError, transform.WarehouseHeldError) as error:
        return [Finding(area, "problem", str(error))]
    except Exception as error:  # noqa: BLE001 - whatever it is, the other areas are looked at, too
        return [Finding(area, "problem", f"{type(error).__name__}: {error}")]


class _Source:
    """The source, looked at in one snapshot. What was found before a failure is kept."""

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self.scope: Scope | None = None

    def look(self) -> list[Finding]:
        settings = otrs_settings()
        with open_snapshot(settings.url(), throttle=Throttle(settings.max_rows_per_second)) as snapshot:
            account = examine_account(snapshot)
            found = _guarded("source", lambda: self._discover(snapshot, settings, account))
        return found + _account(account)

    def _discover(self, snapshot: Snapshot, settings: OtrsSettings, account: Account) -> list[Finding]:
        found: list[Finding] = []
        try:
            profile = detect(snapshot, settings.timezone, trust_time_zone=settings.trust_timezone)
        except SettingsError as error:
            found.append(Finding("source", "problem", str(error)))
            profile = replace(
                detect(snapshot, "UTC", trust_time_zone=True),
                time_zone="unknown",
                time_zone_evidence="see the findings",
            )
        files = None
        if settings.article_dir or profile.article_storage in ON_DISK:
            try:
                files = survey(snapshot, settings.article_folder())
            except ExtractError as error:
                found.append(Finding("source", "problem", str(error)))
        self.scope = scope = discover(
            snapshot,
            profile,
            article_files=files,
            unreadable=account.unreadable,
            customers_csv=(lambda: _logins(Path(settings.customers_csv or ""))) if settings.customers_csv else None,
        )
        return [
            *_described(scope),
            *found,
            *_storage(scope, settings),
            *_disk(snapshot, self._warehouse, files),
            *_remarkable(scope, settings),
        ]


def _logins(path: Path) -> set[str]:
    """Return the logins of OTRS__CUSTOMERS_CSV in lower case."""
    people = read_customers(path, load_catalogue().table("customer_user"), lambda _: set(), lambda _: None)
    return {str(person["login"]).strip().lower() for person in people}


def _account(account: Account) -> list[Finding]:
    found = []
    if account.may_write:
        found.append(
            Finding(
                "source",
                "warning",
                f"the account may write: {'; '.join(account.may_write)}. The session is read-only and nothing is "
                f"written, but an account that may only SELECT suffices: {account.advice}",
            )
        )
    elif account.advice and not account.unreadable and not account.missing:
        found.append(Finding("source", "ok", "the account may only read, which suffices"))
    if account.unreadable:
        found.append(
            Finding(
                "source",
                "problem",
                f"the account may not SELECT from {_some(account.unreadable)}. The extract needs every table; "
                f"this makes an account that may: {account.advice}",
            )
        )
    if account.missing:
        hint = (
            " The account's rights are given table by table, and what it has no right in the server does not even "
            f"list, so more may be hidden. This makes an account that sees all: {account.advice}"
            if account.is_per_table
            else " Is it a database of OTRS, and complete?"
        )
        found.append(
            Finding("source", "warning", f"tables that OTRS has are not seen: {_some(account.missing)}.{hint}")
        )
    for table in account.outside_snapshot:
        rows = "" if table.rows is None else f", {table.rows:,} rows"
        what = "is a view" if table.kind == "view" else f"is not transactional ({table.kind}{rows})"
        then = (
            "views are not read: give the account the table behind it, or copy it into one"
            if table.kind == "view"
            else "it cannot be part of the snapshot, so keep OTRS from writing to it while it is read"
        )
        found.append(Finding("source", "warning", f"table {table.table} {what}: {then}"))
    return found


def _described(scope: Scope) -> list[Finding]:
    support = scope.support
    ends = f" since {support.ends}" if support.ends and support.status == "ended" else ""
    level, told = {
        "ended": ("warning", f"gets no security fixes any more{ends}"),
        "supported": ("ok", "gets security fixes"),
    }.get(support.status, ("ok", "gets security fixes for a time that is not known here"))
    return [
        Finding(
            "source",
            "ok",
            f"{scope.product} {scope.version} ({scope.version_evidence}) on {scope.engine}; "
            f"times are in {scope.time_zone} ({scope.time_zone_evidence})",
        ),
        Finding("source", "ok", _volumes(scope)),
        Finding("source", level, f"{scope.product} {scope.version} {told}: {support.note}"),
    ]


def _volumes(scope: Scope) -> str:
    attachments = scope.attachments
    customers = scope.customers
    numbers = {
        "tickets": scope.tickets and scope.tickets.total,
        "articles": sum(group.articles for group in scope.articles) if "articles" not in scope.gaps else None,
        "attachments": attachments and attachments.files,
        "customers": customers and customers.users,
        "companies": customers and customers.companies,
        "agents": scope.agents and scope.agents.total,
        "queues": len(scope.queues),
        "dynamic fields": len(scope.dynamic_fields),
    }
    return ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number is not None)


def _storage(scope: Scope, settings: OtrsSettings) -> list[Finding]:
    told = scope.article_storage_evidence
    if scope.article_storage == "S3":
        return [Finding("source", "problem", f"files are kept in S3 ({told}), which this tool does not read")]
    found = [Finding("source", "ok", f"files are kept in: {scope.article_storage} ({told})")]
    if scope.article_storage in ON_DISK and not settings.article_dir:
        found.append(
            Finding(
                "source",
                "problem",
                "set OTRS__ARTICLE_DIR to the folder var/article of OTRS, or to 'none' if those files were deleted",
            )
        )
    return found + (_files(scope.article_files) if scope.article_files else [])


def _files(files: ArticleFilesSurvey) -> list[Finding]:
    found = [Finding("source", "ok", f"{files.files:,} files ({size(files.bytes)}) are there in OTRS__ARTICLE_DIR")]
    if not files.files:
        found = []
    reasons = "; ".join(f"{reason} ({number:,})" for reason, number in files.by_reason.items())
    if reasons:
        text = f"{files.missing:,} files are expected and not there or not readable: {reasons}"
        found.append(Finding("source", "warning", text))
    if files.orphans:
        text = f"{files.orphans:,} files in OTRS__ARTICLE_DIR belong to no article of this database and are not read"
        found.append(Finding("source", "warning", text))
    return found


def _disk(snapshot: Snapshot, warehouse: Path, files: ArticleFilesSurvey | None) -> list[Finding]:
    if not warehouse.absolute().parent.is_dir():
        return []  # said of the warehouse
    try:
        need = disk_needed(snapshot, warehouse, article_file_bytes=files.bytes if files else 0)
        check_disk(need)
    except duckdb.IOException:
        return []  # it is held by another process, or no database: said of the warehouse
    except SettingsError as error:
        return [Finding("source", "problem", str(error))]
    text = f"the extract needs about {size(need.total)} of disk in the warehouse's folder; {size(need.free)} are free"
    return [Finding("source", "ok", text)]


def _remarkable(scope: Scope, settings: OtrsSettings) -> list[Finding]:
    texts = [
        *(_large_files(scope.attachments) if scope.attachments else ()),
        *(_customers_outside(scope.customers, settings) if scope.customers else ()),
        *(_agents(scope.agents) if scope.agents else ()),
        *(
            f"table {table} ({rows:,} rows) is unknown to this tool and not read"
            for table, rows in scope.unknown_tables.items()
        ),
        *(
            f"{what}: {reason}"
            for what, reason in scope.gaps.items()
            if not reason.startswith("there is no table")  # a package that is not installed, said in the scope
        ),
    ]
    return [Finding("source", "warning", text) for text in texts]


def largest_file() -> int:
    """Bytes of the largest file that is sent to Intercom: `file_size_limit` of the dbt project."""
    project = yaml.safe_load((transform.project_dir() / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"]["file_size_limit"])


def _large_files(attachments: Attachments) -> list[str]:
    limit = largest_file()
    large = [found for found in attachments.sizes if found.below is None or found.below > limit]
    files, total = sum(found.files for found in large), sum(found.bytes for found in large)
    if not files:
        return []
    at_most = "" if any(found.below == limit for found in attachments.sizes) else "at most "
    text = (
        f"{at_most}{files:,} files ({size(total)}) are larger than {size(limit)}, which is all that Intercom takes, as "
        "far as is known. They are kept in FILE_STORAGE__URL and linked under FILE_STORAGE__PUBLIC_URL: set both "
        "before the build"
    )
    return [text]


def _customers_outside(customers: Customers, settings: OtrsSettings) -> list[str]:
    logins = customers.logins_outside - customers.logins_in_csv
    tickets = customers.tickets_outside - customers.tickets_in_csv
    if not logins:
        return []
    told = f"{tickets:,} tickets belong to {logins:,} customers who have no row in customer_user"
    if settings.customers_csv:
        return [f"{told}, nor in OTRS__CUSTOMERS_CSV, which supplies {customers.logins_in_csv:,} others"]
    cause = "unknown to OTRS, deleted or renamed, or kept elsewhere (LDAP, another database)"
    return [f"{told}: {cause}. Those elsewhere can be supplied as a file: set OTRS__CUSTOMERS_CSV"]


def _agents(agents: Agents) -> list[str]:
    told = []
    if agents.without_address:
        told.append(f"{agents.without_address:,} have no address")
    if agents.sharing_an_address:
        told.append(f"{agents.sharing_an_address:,} share one with another agent")
    if not told:
        return []
    return [f"of {agents.total:,} agents {' and '.join(told)}: who they are in Intercom is for you to decide in `map`"]


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


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


def _guards(settings: Settings, *, online: bool) -> list[Finding]:
    """What `apply` would refuse, as far as it can be said yet; side effects are listed apart.

    Args:
        settings: where everything is.
        online: ask Intercom, too.
    """
    asked = settings if online else replace(settings, intercom=replace(settings.intercom, access_token=""))
    said_already = {"settings", "workspace", "side effects"} | (set() if _is_built(settings) else {"ledger", "plan"})
    return [
        # the plan is signed off last of all
        Finding(finding.guard, "warning" if finding.guard == "sign-off" else finding.level, finding.text)
        for finding in guards.examine(asked)
        if finding.guard not in said_already
    ]


def _is_built(settings: Settings) -> bool:
    """Whether there is a plan; a warehouse that cannot be read was said to be so."""
    try:
        return settings.warehouse.is_file() and _has_gate(settings)
    except duckdb.Error:
        return False


def _has_gate(settings: Settings) -> bool:
    with duckdb.connect(str(settings.warehouse), read_only=True) as db:
        return transform.has_table(db, "reconciliation", "gate")


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
            _, region = check_workspace(client, settings.intercom)
            guards.check_region(settings.intercom, region)
        admins = (client.fetch("/admins") or {}).get("admins") or []
        teams = (client.fetch("/teams") or {}).get("teams") or []
        found.append(Finding("workspace", "ok", f"{len(admins)} teammates, {len(teams)} teams"))
        limit = client.limiter.limit
        if limit:
            found.append(Finding("workspace", "ok", f"{limit:,} requests per 10 seconds"))
    return found
