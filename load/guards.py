"""Everything that is made sure of before the first write, and all that is wrong told at once.

What is looked at: settings, ledger, gate, workspace and its region, the token's permissions, side effects that
somebody has to acknowledge, disk space, and the storage of files outside Intercom. Nothing is written anywhere.
`apply` itself checks workspace, gate and side effects again, since the data may change meanwhile.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
from sqlalchemy import select

from load import permissions, silence, warehouse
from load.client import Client
from load.clock import Clock, SystemClock
from load.engine import check_settings, check_workspace
from load.errors import GateError, GuardsError, LoadError, RefusedError, SettingsError, SignOffError, WorkspaceError
from load.kinds import KINDS
from load.ledger import DEAD_LETTERS, Ledger
from load.plan import Plan, make_plan, spool_of
from load.publish import check_ledger, workspace_of
from load.settings import IntercomSettings, Settings
from load.sign_off import check_workspace_of_plan
from load.sign_off import refusal as sign_off_refusal
from load.storage import FileStorage
from load.warehouse import Gate

REGIONS = {"api.intercom.io": "US", "api.eu.intercom.io": "EU", "api.au.intercom.io": "AU"}
"""Hosts of the API and the regions of their workspaces (Intercom REST 2.16, servers)."""

LEDGER_BYTES = 1_200
"""Of the ledger per write: 1,050 to 1,110 were measured."""

RECEIPT_BYTES = 500
"""Of the warehouse per receipt, while the old receipts are still there."""

RESERVE = 64 * 1024 * 1024
"""Bytes that are left free on each disk, for journals and other programs."""

FILES = "file.store"

Guard = Callable[[Settings], None]

further: list[Guard] = []
"""Guards of the program that this loader is a part of; each raises a RefusedError."""


@dataclass(frozen=True)
class Finding:
    """One line of what was looked at.

    Attributes:
        guard: settings, ledger, plan, workspace, sign-off, permissions, side effects, disk or files.
        level: ok; warning, which a person should know; problem, with which nothing is sent.
        text: what was found, and what to do about it.
        error: of a problem.
    """

    guard: str
    level: str
    text: str
    error: LoadError | None = None


@dataclass
class _Seen:
    """What the guards found out that later ones need."""

    rows: int = 0
    kinds: set[str] = field(default_factory=set)
    plan_hash: str = ""
    part_files: int = 0
    largest_file: int = 0
    stored_bytes: int = 0
    foreign_link: bool = False
    not_silenceable: Mapping[str, int] = field(default_factory=dict)


def demand(
    settings: Settings,
    *,
    acknowledge: Sequence[str] = (),
    retry_failed: bool = False,
    make: Callable[[], Plan] | None = None,
    client: Client | None = None,
    clock: Clock | None = None,
) -> list[str]:
    """Make sure of everything.

    Args:
        settings: where everything is.
        acknowledge: names of side effects that a person knows of.
        retry_failed: the dead letters will be tried again.
        make: makes the plan of what is due; by default that of the whole data.
        client: to use and to leave open.
        clock: where time comes from.

    Returns:
        What a person should know.

    Raises:
        RefusedError: a guard refuses; GuardsError when several do, with the list of them.
        ConfigurationError: Intercom refuses the token.
        UnreachableError: Intercom does not answer.
    """
    found = list(
        examine(settings, acknowledge=acknowledge, retry_failed=retry_failed, make=make, client=client, clock=clock)
    )
    errors = list({str(finding.error): finding.error for finding in found if finding.error is not None}.values())
    if len(errors) == 1:
        raise errors[0]
    if errors:
        told = "\n".join(f"{number}. {error}" for number, error in enumerate(errors, start=1))
        raise GuardsError(f"{len(errors)} things are to be mended first; nothing was written.\n{told}")
    return [finding.text for finding in found if finding.level == "warning"]


def examine(
    settings: Settings,
    *,
    acknowledge: Sequence[str] = (),
    retry_failed: bool = False,
    make: Callable[[], Plan] | None = None,
    client: Client | None = None,
    clock: Clock | None = None,
) -> Iterator[Finding]:
    """Look at everything, and go on after a problem with whatever does not need what failed.

    The arguments are those of `demand`.
    """
    clock = clock or SystemClock()
    seen = _Seen()
    yield from _guarded("settings", lambda: _settings(settings))
    yield from _guarded("ledger", lambda: _ledger(settings, clock))
    yield from _guarded("plan", lambda: _plan(settings, seen, clock))
    if settings.intercom.access_token and settings.intercom.workspace_id:
        ours = client or Client(settings.intercom, clock=clock)
        try:
            there = list(_guarded("workspace", lambda: _workspace(ours, settings)))
            yield from there
            if not any(finding.error for finding in there):
                yield from _guarded("permissions", lambda: _permissions(ours, seen.kinds or KINDS))
        finally:
            if client is None:
                ours.close()
    if seen.plan_hash:
        yield from _guarded(
            "side effects", lambda: _side_effects(settings, seen, acknowledge, clock, make, retry_failed=retry_failed)
        )
        yield from _guarded("disk", lambda: _disk(settings, seen))
        yield from _guarded("files", lambda: _files(settings, seen))
        for guard in further:
            yield from _guarded("plan", lambda guard=guard: _asked(guard, settings))  # type: ignore[misc]


def _guarded(guard: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except LoadError as error:
        yield Finding(guard, "problem", str(error), error)


def _asked(guard: Guard, settings: Settings) -> Iterator[Finding]:
    guard(settings)
    yield from ()


def _settings(settings: Settings) -> Iterator[Finding]:
    check_settings(settings)
    region = settings.intercom.region
    if region and region.upper() not in REGIONS.values():
        raise SettingsError(f"INTERCOM__REGION is {region}: it has to be {', '.join(REGIONS.values())}, or not set.")
    yield from ()


def _ledger(settings: Settings, clock: Clock) -> Iterator[Finding]:
    if not settings.ledger.absolute().parent.is_dir():
        raise SettingsError(
            f"the folder of the ledger {settings.ledger} does not exist: create it or set LEDGER__PATH."
        )
    check_ledger(settings, clock=clock)
    yield from ()


def _plan(settings: Settings, seen: _Seen, clock: Clock) -> Iterator[Finding]:
    try:
        with warehouse.reading(settings.warehouse, clock) as db:
            gate = warehouse.read_gate(db)
            seen.plan_hash = gate.current_hash
            seen.kinds = warehouse.kinds_in_plan(db)
            _look_at_plan(db, seen, settings)
    except duckdb.Error as error:
        raise GateError(f"the warehouse {settings.warehouse} cannot be read: {error}") from error
    if gate.refusal:
        raise GateError(gate.refusal)
    yield from _guarded("plan", lambda: _workspace_of_plan(settings, gate))
    yield from _guarded("sign-off", lambda: _signed(settings, gate, clock))
    if seen.not_silenceable:
        yield Finding("plan", "warning", silence.within_reach(seen.not_silenceable))
    yield Finding("plan", "ok", f"{seen.rows:,} requests, which passed all tests")


def _workspace_of_plan(settings: Settings, gate: Gate) -> Iterator[Finding]:
    if settings.intercom.workspace_id:
        check_workspace_of_plan(settings.intercom, gate)
    yield from ()


def _signed(settings: Settings, gate: Gate, clock: Clock) -> Iterator[Finding]:
    with Ledger(settings.ledger if settings.ledger.is_file() else None, clock=clock) as ledger:
        refusal = sign_off_refusal(settings.intercom, ledger, gate)
    if refusal:
        raise SignOffError(refusal)
    yield from ()


def _look_at_plan(db: duckdb.DuckDBPyConnection, seen: _Seen, settings: Settings) -> None:
    (seen.rows,) = db.execute("select count(*) from intercom.requests").fetchone() or (0,)
    seen.part_files, seen.largest_file = db.execute(
        "select coalesce(sum(size), 0)::bigint, coalesce(max(size), 0)::bigint from intercom.part_files"
    ).fetchone() or (0, 0)
    (seen.stored_bytes,) = db.execute(
        "select coalesce(sum(size), 0)::bigint from intercom.stored_files"
    ).fetchone() or (0,)
    if warehouse.has_column(db, "stored_files", "link"):
        link = db.execute(
            "select 1 from intercom.stored_files where not starts_with(link, ?) limit 1", [_public(settings)]
        ).fetchone()
        seen.foreign_link = link is not None
    seen.not_silenceable = warehouse.contacts_not_silenceable(db)


# --- the workspace


def _workspace(client: Client, settings: Settings) -> Iterator[Finding]:
    workspace_id, region = check_workspace(client, settings.intercom)
    bound = workspace_of(settings.ledger)
    if bound not in {None, workspace_id}:
        raise WorkspaceError(
            f"the ledger {settings.ledger} belongs to workspace {bound}, not to {workspace_id}. "
            "Each workspace has its own ledger: set LEDGER__PATH to that of this one, or to a new file."
        )
    check_region(settings.intercom, region)
    yield Finding("workspace", "ok", f"{workspace_id}, region {region}")


def check_region(settings: IntercomSettings, region: str) -> None:
    """Make sure that address, settings and workspace agree about the region.

    Args:
        settings: with the address of the API and, maybe, the region that is meant.
        region: of the workspace, as `app.region` of GET /me says it.

    Raises:
        WorkspaceError: they do not; the message names what to set.
    """
    there = region.upper()
    host = urlsplit(settings.base_url).hostname or ""
    expected = REGIONS.get(host)
    if settings.region and settings.region.upper() != there:
        raise WorkspaceError(
            f"the workspace is in the region {there}, but INTERCOM__REGION is {settings.region}. Nothing was "
            "written. Set the one or the other right."
        )
    if expected and there and expected != there:
        right = next((name for name, of_host in REGIONS.items() if of_host == there), None)
        hint = f": set INTERCOM__BASE_URL to https://{right}" if right else ""
        raise WorkspaceError(f"the workspace is in the region {there}, but {host} is the address of {expected}{hint}.")


def _permissions(client: Client, kinds: Collection[str]) -> Iterator[Finding]:
    lacking = permissions.missing(client, kinds)
    needed = [one for one in lacking if not one.optional]
    for one in lacking:
        if one.optional:
            yield Finding(
                "permissions",
                "warning",
                f"the token lacks the permission {one.permission}: a rollback can remove conversations, but not what "
                "reports know of them (retain_metrics=false).",
            )
    if needed:
        raise WorkspaceError(
            f"the token lacks permissions: {'; '.join(map(str, needed))}. Add them in Intercom's Developer Hub under "
            "Configure, Authentication, then take the access token from there."
        )
    yield Finding(
        "permissions",
        "ok",
        f"the token may do what {'these requests' if kinds else 'a load'}, reading back and a rollback need "
        f"({len(permissions.probes_of(kinds))} operations tried on objects that cannot exist)",
    )


# --- side effects


def _side_effects(
    settings: Settings,
    seen: _Seen,
    acknowledge: Sequence[str],
    clock: Clock,
    make: Callable[[], Plan] | None,
    *,
    retry_failed: bool,
) -> Iterator[Finding]:
    with Ledger(settings.ledger if settings.ledger.is_file() else None, clock=clock) as ledger:
        acknowledged = ledger.acknowledged(seen.plan_hash) | set(acknowledge)
        # Only when something is missing it matters what of the plan is due.
        if {name for kind in seen.kinds for name in silence.OF_KIND.get(kind, silence.ALL)} <= acknowledged:
            yield Finding("side effects", "ok", "all that the plan may set off in Intercom is acknowledged")
            return
        plan = make() if make else make_plan(settings.warehouse, ledger, clock=clock)
        writes = dict(plan.writes)
        if retry_failed:
            with ledger.engine.connect() as db:
                for kind in map(str, db.scalars(select(DEAD_LETTERS.c.kind))):
                    writes[kind] = writes.get(kind, 0) + 1
    silence.demand(writes, acknowledged)
    yield Finding("side effects", "ok", "all that is due may set off in Intercom is acknowledged")


# --- disks and files


def _disk(settings: Settings, seen: _Seen) -> Iterator[Finding]:
    needs = [
        (settings.ledger.resolve().parent, seen.rows * LEDGER_BYTES, "the ledger"),
        (settings.warehouse.absolute().parent, seen.rows * RECEIPT_BYTES, "the receipts in the warehouse"),
        (
            spool_of(settings.ledger).parent,
            spool_bytes(seen.part_files + seen.stored_bytes, seen.largest_file),
            "files under way",
        ),
    ]
    folder = _local(settings)
    if FILES in seen.kinds and folder is not None:
        needs.append((_existing(folder), seen.stored_bytes, "files outside Intercom"))
    by_disk: dict[int, list[tuple[Path, int, str]]] = defaultdict(list)
    for place, size, what in needs:
        if place.is_dir():
            by_disk[place.stat().st_dev].append((place, size, what))
    short = []
    for some in by_disk.values():
        free = shutil.disk_usage(some[0][0]).free
        needed = sum(size for _, size, _ in some) + RESERVE
        if needed > free:
            told = ", ".join(f"{what} in {place} ({_megabytes(size)})" for place, size, what in some)
            short.append(f"{_megabytes(needed)} are needed and {_megabytes(free)} are free for {told}")
    if short:
        raise RefusedError(f"the disk is too full: {'; '.join(short)}. Free some space, or set other paths.")
    yield Finding("disk", "ok", f"{_megabytes(sum(size for _, size, _ in needs))} may be needed and are free")


def spool_bytes(total: int, largest: int) -> int:
    """Bytes that files under way take at most, in base64: two batches, or one with the largest file."""
    return min(total, 2 * max(warehouse.BATCH_BYTES, largest)) * 4 // 3


def _files(settings: Settings, seen: _Seen) -> Iterator[Finding]:
    if FILES not in seen.kinds:
        return
    if urlsplit(_public(settings)).scheme not in {"http", "https"}:
        raise SettingsError(
            f"{_megabytes(seen.stored_bytes)} of files are kept outside Intercom, but FILE_STORAGE__PUBLIC_URL is not "
            "set: the links to them would lead nowhere. Set it to the address under which people reach "
            "FILE_STORAGE__URL, then run the build again."
        )
    if seen.foreign_link:
        raise GateError(
            "the links to files outside Intercom were made with another FILE_STORAGE__PUBLIC_URL. Run the build again."
        )
    FileStorage(settings.file_folder).require()
    yield Finding("files", "ok", "the storage for files outside Intercom can be reached")


def _public(settings: Settings) -> str:
    return settings.files.public_url or settings.files.url


def _local(settings: Settings) -> Path | None:
    folder = settings.file_folder
    scheme = urlsplit(folder).scheme
    return None if "://" in folder and scheme != "file" else Path(folder.removeprefix("file://"))


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    whole = path.absolute()
    return next(place for place in (whole, *whole.parents) if place.is_dir())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
