"""Reads the plan from the warehouse, and holds the file only while it reads.

DuckDB lets one program write to a file or many read it. So everything here opens the file read-only, reads,
and closes it; between two batches anyone may read, and a build may even write: then the gate's row is another
one, and the run stops.
"""

import base64
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from load.clock import Clock
from load.errors import GateError, WarehouseLockedError

BATCH_LANES = 100
"""Lanes in a batch."""

BATCH_BYTES = 256 * 1024 * 1024
"""Bytes of files in a batch, which are spooled to a private folder; at least one lane."""

PAYLOAD_BYTES = 64 * 1024 * 1024
"""Bytes of payload text in a batch, which are held in memory; at least one lane."""

CHUNK_BYTES = 32 * 1024 * 1024
"""Bytes of files that are read from the warehouse at once, at least one file."""

LOCK_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts to open a file that another program holds."""

MEMORY = "1GB"
"""For sorting slots and hashes, enough for some millions; beyond it DuckDB uses its temporary folder."""

_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")


@dataclass(frozen=True)
class Row:
    """A row of `intercom.requests`, without its payload.

    Attributes:
        message_type: of a state row's payload (open, close, snoozed); else None.
        source_table: of a message of a conversation: article, or ticket for a message made beside them.
        source_id: its id in the source system.
        links: conversations whose ids an attribute's text names, as JSON strings; None when it names none.
    """

    slot: str
    content_hash: str
    payload_hash: str
    phase: int
    lane: str
    position: int
    kind: str
    method: str
    path: str
    creates: str | None
    on_absent: str
    message_type: str | None
    source_table: str | None = None
    source_id: str | None = None
    links: Sequence[str] | None = None


@dataclass(frozen=True)
class Payload:
    """A row's payloads as JSON text."""

    payload: str
    on_conflict: str | None


@dataclass(frozen=True)
class Gate:
    """The newest row of `reconciliation.gate`, and the plan's hash as it is now.

    Attributes:
        identity: tells this row from any other.
        mapping_hash: of the decisions that the plan was built with.
        workspace_id: of which the plan has the teammates, teams and definitions; None when it has none.
    """

    passed: bool
    plan_hash: str
    current_hash: str
    blockers: str
    identity: str
    mapping_hash: str = ""
    workspace_id: str | None = None

    def refusal_for(self, workspace_id: str) -> str | None:
        """Why the plan may not be sent to this workspace; None when it may."""
        if self.workspace_id == workspace_id:
            return None
        return (
            f"the plan was made for {f'workspace {self.workspace_id}' if self.workspace_id else 'no workspace'}, not "
            f"for {workspace_id}: ids of teammates, teams and definitions differ. Run `extract intercom` and `build` "
            "with the settings of this workspace."
        )

    @property
    def refusal(self) -> str | None:
        """Why nothing may be sent; None when it may."""
        if not self.passed:
            why = self.blockers or "no reason recorded"
            return f"the data has not passed its tests ({why}). Run the build again."
        if self.plan_hash != self.current_hash:
            return "the data has changed since it passed its tests. Run the build again."
        return None


@contextmanager
def reading(path: Path, clock: Clock) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse read-only.

    Raises:
        WarehouseLockedError: another program has been holding it for longer than we wait.
        GateError: there is no warehouse.
    """
    if not path.is_file():
        raise GateError(
            f"there is no warehouse {path}: check WAREHOUSE__PATH, or run the extracts and the build first."
        )
    connection = _patiently(lambda: duckdb.connect(str(path), read_only=True), path, clock)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _patiently(connect: Callable[[], duckdb.DuckDBPyConnection], path: Path, clock: Clock) -> duckdb.DuckDBPyConnection:
    for seconds in LOCK_WAITS:
        try:
            return connect()
        except duckdb.IOException as error:
            if not is_locked(error):
                raise
            clock.sleep(seconds)
    try:
        return connect()
    except duckdb.IOException as error:
        raise WarehouseLockedError(locked_message(path, error)) from error


def is_locked(error: Exception) -> bool:
    """Whether DuckDB says that another program holds the file."""
    return _HOLDER.search(str(error)) is not None


def locked_message(path: Path, error: Exception) -> str:
    """Say who holds the file, from DuckDB's own words."""
    found = _HOLDER.search(str(error))
    holder = f"{found['program']} (process {found['pid']})" if found else str(error)
    return (
        f"the warehouse {path} is held by {holder}. DuckDB lets one program write or many read. "
        "Close that program or wait until it has ended, then run the same command again."
    )


def placed(db: duckdb.DuckDBPyConnection, workspace_id: str) -> int:
    """How many receipts this warehouse has seen of a workspace; 0 when it was never loaded into it."""
    known = {
        row[0]
        for row in db.execute(
            "select table_name from information_schema.tables where table_catalog = current_database()"
            " and table_schema = 'raw_ledger'"
        ).fetchall()
    }
    if {"receipts", "workspace"} <= known:
        query = "select (select count(*) from raw_ledger.receipts) from raw_ledger.workspace where workspace_id = ?"
        row = db.execute(query, [workspace_id]).fetchone()
        if row is not None:
            return int(row[0])
    if "loads" in known:
        row = db.execute("select receipts from raw_ledger.loads where workspace_id = ?", [workspace_id]).fetchone()
        return int(row[0]) if row else 0
    return 0


def read_gate(db: duckdb.DuckDBPyConnection, *, compare: bool = True) -> Gate:
    """Read the newest record of the gate.

    Args:
        db: the warehouse.
        compare: also compute the plan's hash as it is now; else it is taken to be the recorded one.

    Raises:
        GateError: nothing was ever built.
    """
    try:
        row = db.execute(
            "select invocation_id, checked_at::varchar, passed, plan_hash, blockers, mapping_hash, workspace_id "
            "from reconciliation.gate order by checked_at desc limit 1"
        ).fetchone()
        current = db.execute("select plan_hash from intercom.plan_hash").fetchone() if compare else None
    except duckdb.CatalogException as error:
        raise GateError("the warehouse holds no tested plan. Run the build first.") from error
    except duckdb.BinderException as error:
        raise GateError("the plan was built by an earlier version. Run the build again.") from error
    if row is None:
        raise GateError("the warehouse holds no record of a tested plan. Run the build first.")
    recorded = str(row[3] or "")
    return Gate(
        passed=bool(row[2]),
        plan_hash=recorded,
        current_hash=str((current or ("",))[0] or "") if compare else recorded,
        blockers=str(row[4] or ""),
        identity=f"{row[0]} {row[1]} {recorded}",
        mapping_hash=str(row[5] or ""),
        workspace_id=row[6],
    )


def phase_names(db: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Names of the phases."""
    return {int(phase): str(name) for phase, name in db.execute("select phase, name from intercom.phases").fetchall()}


_COLUMNS = r"""
    slot, content_hash, payload_hash, phase, lane, position, kind, method, path, creates, on_absent,
    case when kind = 'conversation.state' then payload ->> '$.message_type' end as message_type,
    case when kind in ('conversation.create', 'conversation.reply') then source_table end as source_table,
    case when kind in ('conversation.create', 'conversation.reply') then source_id end as source_id,
    case
        when kind = 'conversation.attribute' and contains(payload::varchar, '"$ref"')
        then regexp_extract_all(payload::varchar, '"\$ref"\s*:\s*("conversation/(?:[^"\\]|\\.)*")', 1)
    end as links
"""


def all_rows(db: duckdb.DuckDBPyConnection, *, chosen: bool = False) -> Iterator[Row]:
    """Stream the whole plan in the order of sending, without payloads.

    Args:
        db: the warehouse.
        chosen: only the rows that `selection.choose` has named on this connection.
    """
    cursor = db.cursor()
    cursor.execute(f"set memory_limit = '{MEMORY}'")
    which = "where slot in (select slot from selection.chosen)" if chosen else ""
    cursor.execute(f"select {_COLUMNS} from intercom.requests {which} order by phase, lane, position, slot")
    while some := cursor.fetchmany(5000):
        for values in some:
            yield Row(*values)


def kinds_in_plan(db: duckdb.DuckDBPyConnection) -> set[str]:
    """The kinds of all rows."""
    return {row[0] for row in db.execute("select distinct kind from intercom.requests").fetchall()}


def has_column(db: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """Whether a table of the plan has a column."""
    found = db.execute(
        "select 1 from information_schema.columns where table_catalog = current_database()"
        " and table_schema = 'intercom' and table_name = ? and column_name = ?",
        [table, column],
    ).fetchone()
    return found is not None


def contacts_not_silenceable(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many contacts have an address while their conversations are loaded, by reason."""
    if not has_column(db, "contacts_not_silenceable", "reason"):
        return {}
    counts = "select reason, count(*) from intercom.contacts_not_silenceable group by reason order by reason"
    return {str(reason): int(number) for reason, number in db.execute(counts).fetchall()}


def keys_of_number(db: duckdb.DuckDBPyConnection, number: str) -> list[str]:
    """Keys of the plan's conversations that have the number that customers know; one continues the other."""
    if not has_column(db, "selectable_conversations", "number"):
        return []
    query = "select conversation_key from intercom.selectable_conversations where number = ? order by created_at"
    return [str(key) for (key,) in db.execute(query, [number]).fetchall()]


def rows_of(db: duckdb.DuckDBPyConnection, phase: int, lanes: Sequence[str]) -> list[Row]:
    """The rows of some lanes, in the order of sending."""
    query = (
        f"select {_COLUMNS} from intercom.requests where phase = ? and lane in (select unnest(?)) "
        "order by lane, position, slot"
    )
    return [Row(*values) for values in db.execute(query, [phase, list(lanes)]).fetchall()]


def slots_in_plan(db: duckdb.DuckDBPyConnection, slots: Sequence[str]) -> set[str]:
    """Which of these slots the plan names, in whatever lane."""
    if not slots:
        return set()
    query = "select slot from intercom.requests where slot in (select unnest(?))"
    return {row[0] for row in db.execute(query, [list(slots)]).fetchall()}


def payloads_of(
    db: duckdb.DuckDBPyConnection, phase: int, lanes: Sequence[str], slots: Collection[str]
) -> Iterator[tuple[str, Payload]]:
    """Stream the payloads of some slots of some lanes of a phase, by lane and position."""
    cursor = db.cursor()
    cursor.execute(
        "select slot, payload::varchar, on_conflict_payload::varchar from intercom.requests "
        "where phase = ? and lane in (select unnest(?)) order by lane, position, slot",
        [phase, list(lanes)],
    )
    while some := cursor.fetchmany(64):
        for slot, payload, on_conflict in some:
            if slot in slots:
                yield slot, Payload(payload or "{}", on_conflict)


def sent_payloads(db: duckdb.DuckDBPyConnection, hashes: Mapping[str, str]) -> dict[str, Payload]:
    """Payloads of some slots, where the plan still has what was sent.

    Args:
        db: the warehouse.
        hashes: slot to the payload's hash in its receipt.
    """
    query = (
        "select slot, payload_hash, payload::varchar, on_conflict_payload::varchar from intercom.requests"
        " where slot in (select unnest(?))"
    )
    try:
        rows = db.execute(query, [list(hashes)]).fetchall()
    except duckdb.CatalogException:
        return {}
    return {slot: Payload(payload, conflict) for slot, number, payload, conflict in rows if hashes[slot] == number}


def file_sizes(db: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> dict[str, int]:
    """Sizes in bytes of some files."""
    if not keys:
        return {}
    query = (
        "select file_key, size from intercom.part_files where file_key in (select unnest($keys)) "
        "union select file_key, size from intercom.stored_files where file_key in (select unnest($keys))"
    )
    return {key: int(size or 0) for key, size in db.execute(query, {"keys": list(keys)}).fetchall()}


def spool_files(
    db: duckdb.DuckDBPyConnection, sizes: Mapping[str, int], name_of: Callable[[str], Path]
) -> Iterator[str]:
    """Write files' contents, in base64, to where `name_of` says; yields each key that was written."""
    some: list[str] = []
    total = 0
    for key, size in sizes.items():
        if some and total + size > CHUNK_BYTES:
            yield from _spool(db, some, name_of)
            some, total = [], 0
        some.append(key)
        total += size
    if some:
        yield from _spool(db, some, name_of)


def _spool(db: duckdb.DuckDBPyConnection, keys: list[str], name_of: Callable[[str], Path]) -> Iterator[str]:
    cursor: Any = db.cursor()
    # A filter, not a semi-join: DuckDB would read every file's bytes before it joins.
    cursor.execute("select file_key, content from intercom.file_contents where list_contains(?, file_key)", [keys])
    while row := cursor.fetchone():
        if row[1] is not None:
            name_of(row[0]).write_bytes(base64.b64encode(row[1]))
            yield row[0]
