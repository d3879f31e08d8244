"""What was asked of Intercom and what came of it: the loader's memory, in a file of its own.

An intent is written before a call and a receipt after it, each durable before the next step is taken. So
after a crash at any moment the ledger names every call whose fate is unknown, and nothing else is in doubt.

The ledger holds slots, keys, hashes and ids. No text, address, name, file or token gets in, but the name that a person
gives who signs a plan off. It belongs to one workspace. One run at a time holds it (`<ledger>.lock`); anyone may read
it meanwhile.

All times are Unix seconds, UTC.
"""

import json
import os
import queue
import socket
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Cursor
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool, StaticPool

from load.clock import Clock, SystemClock
from load.errors import LedgerInUseError, LedgerWriteError, WorkspaceError
from load.masking import writable

META = MetaData()

WORKSPACE = Table(
    "workspace",
    META,
    Column("workspace_id", String, primary_key=True),
    Column("region", String, nullable=False),
    Column("bound_at", Float, nullable=False),
    Column("requests_per_window", Integer),
)
RUNS = Table(
    "runs",
    META,
    Column("run_id", String, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("host", String, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("state", String, nullable=False),  # running, finished, stopped, interrupted
    Column("reason", String),
    Column("plan_hash", String, nullable=False),  # of a rollback: the word, and what it was asked to take back
    Column("announced", String, nullable=False),  # JSON: phase ("5 conversations") to kind to number of writes
    Column("figures", String, nullable=False),  # JSON, refreshed while the run goes on
    Column("selection", String),  # JSON: which part of the plan was meant; null for all of it
)
INTENTS = Table(
    "intents",
    META,
    Column("intent_id", Integer, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("phase", Integer, nullable=False),
    Column("lane", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("action", String, nullable=False),
    Column("items", String, nullable=False),  # JSON list of slots with their hashes
    # JSON: by what to recognise the call's effect, what was there before it (`before`), when it was first
    # attempted (`first`), how it is taken back (`undo`)
    Column("fingerprint", String),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("outcome", String),  # answered, found, absent, refused, superseded
    Column("request_id", String),
)
RECEIPT_COLUMNS = (
    ("slot", String, False),
    ("lane", String, False),
    ("phase", Integer, False),
    ("kind", String, False),
    ("content_hash", String, False),
    ("payload_hash", String, False),
    ("creates", String, True),
    ("on_absent", String, False),
    ("intercom_id", String, True),
    ("outcome", String, False),  # created, adopted, set, implied; undone and rolled_back end a settlement
    ("undo", String, True),  # JSON: the call that takes it back, ids only
    ("run_id", String, False),
    ("intent_id", Integer, True),
    ("received_at", Float, False),
    # Of a message of a conversation, so that it stays what and where it was when its article moves or changes.
    ("source_table", String, True),
    ("source_id", String, True),
    ("visibility", String, True),  # visible, internal
)
RECEIPTS = Table(
    "receipts",
    META,
    Column("receipt_id", Integer, primary_key=True),
    *(Column(name, kind, nullable=null) for name, kind, null in RECEIPT_COLUMNS),
)
# The latest effective receipt of each slot. Derived, and kept in the receipt's own transaction.
SETTLED = Table(
    "settled",
    META,
    *(Column(name, kind, nullable=null, primary_key=name == "slot") for name, kind, null in RECEIPT_COLUMNS),
    Column("receipt_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)
DEAD_LETTERS = Table(
    "dead_letters",
    META,
    Column("slot", String, primary_key=True),
    Column("lane", String, nullable=False),
    Column("phase", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("payload_hash", String, nullable=False),
    Column("creates", String),
    Column("reason", String, nullable=False),  # refused, depends, unknown, unanswered
    Column("status", Integer, nullable=False),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),  # without the record's values
    Column("request_id", String),
    Column("cause_slot", String),
    Column("run_id", String, nullable=False),
    Column("at", Float, nullable=False),
    sqlite_with_rowid=False,
)
ACKNOWLEDGEMENTS = Table(
    "acknowledgements",
    META,
    Column("plan_hash", String, primary_key=True),
    Column("effect", String, primary_key=True),
    Column("acknowledged_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("intents_open", INTENTS.c.intent_id, sqlite_where=INTENTS.c.closed_at.is_(None))
Index("intents_run", INTENTS.c.run_id, INTENTS.c.phase, INTENTS.c.kind)
Index("receipts_creates", RECEIPTS.c.creates, sqlite_where=RECEIPTS.c.creates.is_not(None))
Index("settled_lane", SETTLED.c.phase, SETTLED.c.lane)
Index("settled_creates", SETTLED.c.creates, sqlite_where=SETTLED.c.creates.is_not(None))
Index("settled_intercom_id", SETTLED.c.intercom_id, SETTLED.c.kind)
Index("dead_letters_lane", DEAD_LETTERS.c.lane)
Index("dead_letters_creates", DEAD_LETTERS.c.creates)

ENDING = ("undone", "rolled_back")
"""Outcomes after which a slot counts as never settled."""

_GROUP = 256
_CHUNK = 400  # values in one IN (...)


@dataclass(frozen=True)
class Settled:
    """The latest effective receipt of a slot."""

    slot: str
    lane: str
    phase: int
    kind: str
    content_hash: str
    payload_hash: str
    creates: str | None
    on_absent: str
    intercom_id: str | None
    outcome: str
    undo: str | None
    run_id: str
    intent_id: int | None
    received_at: float
    receipt_id: int
    source_table: str | None = None
    source_id: str | None = None
    visibility: str | None = None

    @property
    def item(self) -> "Item":
        """The slot as an intent names it."""
        return Item(self.slot, self.content_hash, self.payload_hash, self.creates, self.on_absent)

    def ended(self, outcome: str) -> "Receipt":
        """The receipt after which the slot counts as never settled: undone or rolled_back."""
        return Receipt(
            self.slot,
            self.lane,
            self.phase,
            self.kind,
            self.content_hash,
            self.payload_hash,
            self.creates,
            self.on_absent,
            self.intercom_id,
            outcome,
            self.undo,
            self.source_table,
            self.source_id,
            self.visibility,
        )


@dataclass(frozen=True)
class Item:
    """A slot that a call settles."""

    slot: str
    content_hash: str
    payload_hash: str
    creates: str | None
    on_absent: str
    source_table: str | None = None
    source_id: str | None = None


@dataclass(frozen=True)
class Intent:
    """A call that was about to be made."""

    intent_id: int
    run_id: str
    phase: int
    lane: str
    kind: str
    action: str
    items: tuple[Item, ...]
    fingerprint: dict[str, Any] | None
    opened_at: float

    def told(self, name: str, default: Any = None) -> Any:
        """What was noted beside the fingerprint: before, first, undo."""
        return (self.fingerprint or {}).get(name, default)

    def receipt(self, intercom_id: str | None, outcome: str, undo: Mapping[str, Any] | None = None) -> "Receipt":
        """The receipt of the one slot that the call settles, when it turns out later that it took effect."""
        item = self.items[0]
        return Receipt(
            item.slot,
            self.lane,
            self.phase,
            self.kind,
            item.content_hash,
            item.payload_hash,
            item.creates,
            item.on_absent,
            intercom_id,
            outcome,
            json.dumps(undo) if undo else None,
            item.source_table,
            item.source_id,
            visibility(self.fingerprint),
        )


@dataclass(frozen=True)
class Receipt:
    """What came of a slot; see `RECEIPTS` for the fields."""

    slot: str
    lane: str
    phase: int
    kind: str
    content_hash: str
    payload_hash: str
    creates: str | None
    on_absent: str
    intercom_id: str | None
    outcome: str
    undo: str | None = None
    source_table: str | None = None
    source_id: str | None = None
    visibility: str | None = None


@dataclass(frozen=True)
class DeadLetter:
    """A slot that could not be settled, and why."""

    slot: str
    lane: str
    phase: int
    kind: str
    payload_hash: str
    creates: str | None
    reason: str
    status: int
    code: str
    message: str
    request_id: str | None
    cause_slot: str | None
    run_id: str
    at: float


def visibility(fingerprint: Mapping[str, Any] | None) -> str | None:
    """Whether a message could be read by the customer; None for what is no message."""
    if not fingerprint or "texts" not in fingerprint:
        return None
    return "internal" if fingerprint.get("note") else "visible"


@dataclass(frozen=True)
class _Batch:
    """Rows that go into one transaction."""

    intents: list[dict[str, Any]]
    closings: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    settled: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    dead: list[dict[str, Any]]
    alive: list[dict[str, Any]]

    @classmethod
    def empty(cls) -> "_Batch":
        return cls([], [], [], [], [], [], [])

    def extend(self, other: "_Batch") -> None:
        self.intents.extend(other.intents)
        self.closings.extend(other.closings)
        self.receipts.extend(other.receipts)
        self.settled.extend(other.settled)
        self.ended.extend(other.ended)
        self.dead.extend(other.dead)
        self.alive.extend(other.alive)

    def write(self, cursor: Cursor) -> None:
        for rows, (sql, names) in (
            (self.intents, _INSERT_INTENT),
            (self.closings, _CLOSE_INTENT),
            (self.receipts, _INSERT_RECEIPT),
            (self.settled, _UPSERT_SETTLED),
            (self.ended, _DELETE_SETTLED),
            (self.dead, _UPSERT_DEAD),
            (self.alive, _DELETE_DEAD),
        ):
            if rows:
                cursor.executemany(sql, [[row.get(name) for name in names] for row in rows])


def _replacing(table: Table, key: str) -> Any:
    statement = upsert(table)
    return statement.on_conflict_do_update(
        index_elements=[key],
        set_={column.name: statement.excluded[column.name] for column in table.columns if column.name != key},
    )


def _compiled(statement: Any) -> tuple[str, Sequence[str]]:
    """A statement's SQL and the names of its parameters in order: compiled once, since it runs with every call."""
    compiled = statement.compile(dialect=sqlite_dialect())
    return str(compiled), tuple(compiled.positiontup or ())


_INSERT_INTENT = _compiled(insert(INTENTS))
_CLOSE_INTENT = _compiled(
    update(INTENTS)
    .where(INTENTS.c.intent_id == bindparam("_id"))
    .values(closed_at=bindparam("_at"), outcome=bindparam("_outcome"), request_id=bindparam("_request"))
)
_INSERT_RECEIPT = _compiled(insert(RECEIPTS))
_UPSERT_SETTLED = _compiled(_replacing(SETTLED, "slot"))
_DELETE_SETTLED = _compiled(delete(SETTLED).where(SETTLED.c.slot == bindparam("_slot")))
_UPSERT_DEAD = _compiled(_replacing(DEAD_LETTERS, "slot"))
_DELETE_DEAD = _compiled(delete(DEAD_LETTERS).where(DEAD_LETTERS.c.slot == bindparam("_slot")))


class Ledger:
    """A ledger that is open. To be closed, or used as a context manager.

    Writes go through one thread, which puts what several workers ask for at the same time into one
    transaction; each method that writes returns when its rows are durable.

    Args:
        path: the SQLite file; created when missing. None is an empty ledger in memory.
        clock: where time comes from.
    """

    def __init__(self, path: Path | None, *, clock: Clock | None = None) -> None:
        self.path = path
        self.clock = clock or SystemClock()
        self._engine = _engine(path)
        try:
            META.create_all(self._engine)
            _add_missing_columns(self._engine)
        except OperationalError as error:
            raise LedgerWriteError(
                f"the ledger {path} cannot be opened: {error.orig}. Check LEDGER__PATH and its rights."
            ) from error
        with self._engine.connect() as db:
            self._intents = _counter(db, INTENTS.c.intent_id)
            self._receipts = _counter(db, RECEIPTS.c.receipt_id)
            self._has_dead = bool(db.scalar(select(func.count()).select_from(DEAD_LETTERS)))
        self._ids = threading.Lock()
        self._objects: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._queue: queue.SimpleQueue[tuple[_Batch, Future[None]] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self.commits = 0
        self.run_id: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what was asked for and close the file."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._engine.dispose()

    # --- the workspace it belongs to

    def workspace(self) -> tuple[str, str] | None:
        """Workspace id and region; None as long as nothing was ever loaded."""
        with self._engine.connect() as db:
            row = db.execute(select(WORKSPACE.c.workspace_id, WORKSPACE.c.region)).first()
        return (row.workspace_id, row.region) if row else None

    def bind(self, workspace_id: str, region: str) -> None:
        """Make the ledger that of one workspace, once and for all.

        Raises:
            WorkspaceError: it is already another one's.
        """
        bound = self.workspace()
        if bound is None:
            row = {"workspace_id": workspace_id, "region": region, "bound_at": self.clock.time()}
            self._at_once(lambda db: db.execute(insert(WORKSPACE), row))
        elif bound[0] != workspace_id:
            raise WorkspaceError(belongs_to_another(self.path, bound[0], workspace_id))

    def requests_per_window(self) -> int | None:
        """The workspace's limit as it was last seen."""
        with self._engine.connect() as db:
            return db.scalar(select(WORKSPACE.c.requests_per_window))

    # --- side effects

    def acknowledge(self, plan_hash: str, effects: Iterable[str]) -> None:
        """Note that a person knows of these side effects of a plan; durable on return."""
        now = self.clock.time()
        rows = [{"plan_hash": plan_hash, "effect": effect, "acknowledged_at": now} for effect in effects]
        if rows:
            self._at_once(lambda db: db.execute(upsert(ACKNOWLEDGEMENTS).on_conflict_do_nothing(), rows))

    def acknowledged(self, plan_hash: str) -> frozenset[str]:
        """Which side effects of a plan were acknowledged."""
        query = select(ACKNOWLEDGEMENTS.c.effect).where(ACKNOWLEDGEMENTS.c.plan_hash == plan_hash)
        with self._engine.connect() as db:
            return frozenset(db.scalars(query))

    # --- runs

    def start_run(self, plan_hash: str, selection: Mapping[str, Any] | None = None) -> str:
        """Note that a run begins; one that was cut off before is noted as such. Returns its id.

        Args:
            plan_hash: of the data.
            selection: which part of the plan is meant; None for all of it.
        """
        run_id = uuid.uuid4().hex[:12]
        row = {
            "run_id": run_id,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started_at": self.clock.time(),
            "state": "running",
            "plan_hash": plan_hash,
            "announced": "{}",
            "figures": "{}",
            "selection": json.dumps(selection) if selection else None,
        }

        def write(db: Connection) -> None:
            cut_off = update(RUNS).where(RUNS.c.state == "running")
            db.execute(cut_off.values(state="interrupted", reason="the process ended without saying so"))
            db.execute(insert(RUNS), row)

        self._at_once(write)
        self.run_id = run_id
        return run_id

    def announce(
        self,
        run_id: str,
        announced: Mapping[str, Mapping[str, int]],
        selection: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what a run is going to write, by phase and kind, and of which part of the plan."""
        mine = update(RUNS).where(RUNS.c.run_id == run_id)
        told = {"announced": json.dumps(announced), "selection": json.dumps(selection) if selection else None}
        self._at_once(lambda db: db.execute(mine.values(**told)))

    def note_figures(
        self, run_id: str, figures: Mapping[str, int | Mapping[str, int]], requests_per_window: int | None
    ) -> None:
        """Refresh what `status` shows of a run: figures, and figures by reason."""

        def write(db: Connection) -> None:
            db.execute(update(RUNS).where(RUNS.c.run_id == run_id).values(figures=json.dumps(figures)))
            if requests_per_window is not None:
                db.execute(update(WORKSPACE).values(requests_per_window=requests_per_window))

        self._at_once(write)

    def end_run(self, run_id: str, state: str, reason: str | None = None) -> None:
        """Note how a run ended."""
        ended = update(RUNS).where(RUNS.c.run_id == run_id)
        values = {"state": state, "reason": reason and writable(reason), "ended_at": self.clock.time()}
        self._at_once(lambda db: db.execute(ended.values(**values)))

    def run_starts(self) -> list[float]:
        """When each run began, oldest first."""
        with self._engine.connect() as db:
            return list(db.scalars(select(RUNS.c.started_at).order_by(RUNS.c.started_at)))

    # --- intent and receipt

    def open_intent(
        self,
        run_id: str,
        phase: int,
        lane: str,
        kind: str,
        action: str,
        items: Sequence[Item],
        fingerprint: Mapping[str, Any] | None,
        *,
        supersedes: Sequence[int] = (),
    ) -> Intent:
        """Note a call that is about to be made; durable on return.

        Args:
            run_id: the run.
            phase: the rows' phase.
            lane: the rows' lane.
            kind: the rows' kind.
            action: send, update, undo or rollback.
            items: the slots that it settles.
            fingerprint: by what its effect can be recognised later.
            supersedes: open intents of earlier runs which this call repeats.
        """
        with self._ids:
            self._intents += 1
            number = self._intents
        now = self.clock.time()
        row = {
            "intent_id": number,
            "run_id": run_id,
            "phase": phase,
            "lane": lane,
            "kind": kind,
            "action": action,
            "items": json.dumps([list(vars(item).values()) for item in items]),
            "fingerprint": None if fingerprint is None else json.dumps(fingerprint),
            "opened_at": now,
        }
        batch = _Batch.empty()
        batch.intents.append(row)
        batch.closings.extend(_closing(old, now, "superseded", None) for old in supersedes)
        self._durably(batch)
        print_of = None if fingerprint is None else dict(fingerprint)
        return Intent(number, run_id, phase, lane, kind, action, tuple(items), print_of, now)

    def close_intent(
        self,
        intent: Intent,
        outcome: str,
        *,
        run_id: str,
        request_id: str | None = None,
        receipts: Sequence[Receipt] = (),
        dead: Sequence[DeadLetter] = (),
        alive: Sequence[str] = (),
    ) -> None:
        """Note what came of a call; durable on return.

        Args:
            intent: the call.
            outcome: answered, found (by looking), absent (it did not take effect), refused, superseded.
            run_id: the run that found out.
            request_id: Intercom's.
            receipts: when it took effect.
            dead: when it was refused.
            alive: slots whose dead letters are void now.
        """
        batch = _Batch.empty()
        batch.closings.append(_closing(intent.intent_id, self.clock.time(), outcome, request_id))
        self._add_receipts(batch, receipts, run_id, intent.intent_id)
        self._add_dead(batch, dead)
        batch.alive.extend({"_slot": slot} for slot in alive)
        self._durably(batch)

    def note(self, run_id: str, *, receipts: Sequence[Receipt] = (), dead: Sequence[DeadLetter] = ()) -> None:
        """Note what needed no call; durable on return."""
        if receipts or dead:
            batch = _Batch.empty()
            self._add_receipts(batch, receipts, run_id, None)
            self._add_dead(batch, dead)
            self._durably(batch)

    def _add_receipts(self, batch: _Batch, receipts: Sequence[Receipt], run_id: str, intent_id: int | None) -> None:
        now = self.clock.time()
        for receipt in receipts:
            with self._ids:
                self._receipts += 1
                number = self._receipts
            row = {
                **vars(receipt),
                "run_id": run_id,
                "intent_id": intent_id,
                "received_at": now,
                "receipt_id": number,
            }
            batch.receipts.append(row)
            if receipt.creates is not None:
                with self._ids:
                    self._objects.pop(receipt.creates, None)
            if receipt.outcome in ENDING:
                batch.ended.append({"_slot": receipt.slot})
            else:
                batch.settled.append(row)
            if self._has_dead:
                batch.alive.append({"_slot": receipt.slot})

    def _add_dead(self, batch: _Batch, dead: Sequence[DeadLetter]) -> None:
        if dead:
            self._has_dead = True
            batch.dead.extend(vars(letter) for letter in dead)

    def forget_dead_letters(self) -> int:
        """Drop all dead letters, so that their slots are due again. Returns their number."""
        with self._engine.connect() as db:
            number = db.scalar(select(func.count()).select_from(DEAD_LETTERS)) or 0
        self._at_once(lambda db: db.execute(delete(DEAD_LETTERS)))
        self._has_dead = False
        return number

    # --- reading

    def settled(self, phase: int, lanes: Sequence[str], slots: Sequence[str] = ()) -> dict[str, Settled]:
        """Latest effective receipts, by slot: of some lanes of a phase, and of some slots wherever they are."""
        found: dict[str, Settled] = {}
        with self._engine.connect() as db:
            for some in _chunks(lanes):
                query = select(SETTLED).where(SETTLED.c.phase == phase, SETTLED.c.lane.in_(some))
                found.update((row.slot, Settled(**row._mapping)) for row in db.execute(query))  # noqa: SLF001
            for some in _chunks([slot for slot in slots if slot not in found]):
                query = select(SETTLED).where(SETTLED.c.slot.in_(some))
                found.update((row.slot, Settled(**row._mapping)) for row in db.execute(query))  # noqa: SLF001
        return found

    def settled_lanes(self) -> Generator[tuple[int, str], None, None]:
        """Every phase and lane with a settled slot, in order; a stream."""
        query = select(SETTLED.c.phase, SETTLED.c.lane).distinct().order_by(SETTLED.c.phase, SETTLED.c.lane)
        with self._engine.connect() as db:
            for row in db.execution_options(yield_per=1000).execute(query):
                yield row.phase, row.lane

    def object_id(self, key: str) -> tuple[str, float] | None:
        """Intercom's id of an object and when it was received; None when the ledger does not hold it."""
        with self._ids:
            if key in self._objects:
                self._objects.move_to_end(key)
                return self._objects[key]
        query = select(SETTLED.c.intercom_id, SETTLED.c.received_at).where(
            SETTLED.c.creates == key, SETTLED.c.intercom_id.is_not(None)
        )
        with self._engine.connect() as db:
            row = db.execute(query.order_by(SETTLED.c.receipt_id.desc()).limit(1)).first()
        if row is None:
            return None
        found = (row.intercom_id, row.received_at)
        with self._ids:
            self._objects[key] = found
            if len(self._objects) > 10_000:  # noqa: PLR2004 - a bound on memory, nothing depends on it
                self._objects.popitem(last=False)
        return found

    def last_changes(self, kind: str, keys: Collection[str]) -> dict[str, int]:
        """Of objects of a kind the receipt with which each was last made or taken back; without those never made."""
        found: dict[str, int] = {}
        with self._engine.connect() as db:
            for some in _chunks(list(keys)):
                query = select(RECEIPTS.c.creates, func.max(RECEIPTS.c.receipt_id)).where(
                    RECEIPTS.c.creates.in_(some), RECEIPTS.c.kind == kind
                )
                found.update((row[0], row[1]) for row in db.execute(query.group_by(RECEIPTS.c.creates)))
        return found

    def owned(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Which of these Intercom ids belong to a settled slot of this kind."""
        owned: set[str] = set()
        with self._engine.connect() as db:
            for some in _chunks(list(ids)):
                query = select(SETTLED.c.intercom_id).where(SETTLED.c.kind == kind, SETTLED.c.intercom_id.in_(some))
                owned.update(db.scalars(query))
        return owned

    def made_here(self, kind: str, intercom_id: str) -> bool:
        """Whether a run ever created this object, and did not adopt it.

        Of what is not settled any more all receipts are read: for what is asked seldom.
        """
        settled = select(SETTLED.c.outcome).where(SETTLED.c.intercom_id == intercom_id, SETTLED.c.kind == kind)
        ever = select(RECEIPTS.c.outcome).where(
            RECEIPTS.c.intercom_id == intercom_id, RECEIPTS.c.kind == kind, RECEIPTS.c.outcome == "created"
        )
        with self._engine.connect() as db:
            found = db.scalar(settled.limit(1)) or db.scalar(ever.limit(1))
        return bool(found == "created")

    def open_intents(self) -> list[Intent]:
        """Calls whose fate is unknown, oldest first: at most as many as there were workers, as a rule."""
        query = select(INTENTS).where(INTENTS.c.closed_at.is_(None)).order_by(INTENTS.c.intent_id)
        with self._engine.connect() as db:
            return [intent_of(row) for row in db.execute(query)]

    def uncertain_slots(self) -> dict[str, list[Intent]]:
        """Slots that such calls were about, of runs before the present one, with the calls."""
        slots: dict[str, list[Intent]] = {}
        for intent in self.open_intents():
            if intent.run_id != self.run_id:
                for item in intent.items:
                    slots.setdefault(item.slot, []).append(intent)
        return slots

    def dead_letters(self, lanes: Sequence[str]) -> dict[str, DeadLetter]:
        """Dead letters of some lanes, by slot."""
        if not self._has_dead:
            return {}
        found = {}
        with self._engine.connect() as db:
            for some in _chunks(lanes):
                for row in db.execute(select(DEAD_LETTERS).where(DEAD_LETTERS.c.lane.in_(some))):
                    found[row.slot] = DeadLetter(**row._mapping)  # noqa: SLF001
        return found

    def dead_letter_of(self, slot_or_key: str) -> DeadLetter | None:
        """The dead letter of a slot, or of the slot that should have created an object."""
        if not self._has_dead:
            return None
        query = select(DEAD_LETTERS).where(
            or_(DEAD_LETTERS.c.slot == slot_or_key, DEAD_LETTERS.c.creates == slot_or_key)
        )
        with self._engine.connect() as db:
            row = db.execute(query.limit(1)).first()
        return DeadLetter(**row._mapping) if row else None  # noqa: SLF001

    @property
    def engine(self) -> Engine:
        """For reports that read tables of their own choice."""
        return self._engine

    # --- writing

    def _at_once(self, work: Callable[[Connection], object]) -> None:
        try:
            with self._engine.begin() as db:
                work(db)
        except DatabaseError as error:
            raise _unwritable(self.path, error) from error

    def _durably(self, batch: _Batch) -> None:
        with self._ids:
            if self._writer is None:
                writer = threading.Thread(target=self._write_all, name="ledger", daemon=True)
                writer.start()
                self._writer = writer
        done: Future[None] = Future()
        self._queue.put((batch, done))
        done.result()

    def _write_all(self) -> None:
        """Write until told to end; from the first failure on that is not one batch's own, refuse whatever is asked."""
        asked: list[tuple[_Batch, Future[None]]] = []
        going_on = True
        try:
            connection = self._engine.raw_connection()
            try:
                while going_on:
                    asked, going_on = self._asked()
                    if asked:
                        self._commit(connection, asked)
            finally:
                connection.close()
        except BaseException as error:  # noqa: BLE001 - handed to those who asked, who would wait for ever
            self._refuse(asked, error)
            while going_on:
                asked, going_on = self._asked()
                self._refuse(asked, error)

    def _refuse(self, asked: list[tuple[_Batch, "Future[None]"]], error: BaseException) -> None:
        failure = _unwritable(self.path, error)
        for _batch, done in asked:
            if not done.done():
                done.set_exception(failure)

    def _asked(self) -> tuple[list[tuple[_Batch, "Future[None]"]], bool]:
        """Wait for something to write and take what else has been asked for; False when it is the last."""
        asked: list[tuple[_Batch, Future[None]]] = []
        following = self._queue.get()
        while following is not None:
            asked.append(following)
            if len(asked) >= _GROUP or self._queue.empty():
                return asked, True
            following = self._queue.get()
        return asked, False

    def _commit(self, connection: PoolProxiedConnection, asked: list[tuple[_Batch, "Future[None]"]]) -> None:
        whole = _Batch.empty()
        for batch, _done in asked:
            whole.extend(batch)
        try:
            whole.write(cast("Cursor", connection.cursor()))
            connection.commit()
        except Exception as error:  # noqa: BLE001 - handed to those who asked
            connection.rollback()
            self._refuse(asked, error)
            return
        self.commits += 1
        for _batch, done in asked:
            done.set_result(None)


def belongs_to_another(path: Path | None, bound: str, wanted: str) -> str:
    """Say that a ledger is of another workspace than the one that is meant."""
    return (
        f"the ledger {path} belongs to workspace {bound}, not to {wanted}. "
        "Each workspace has its own ledger: set LEDGER__PATH to that of this one, or to a new file."
    )


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the ledger for one run. The lock ends with the process, however it ends.

    Raises:
        LedgerInUseError: another process holds it; the message says which.
    """
    lock = _lock_of(path)
    engine = create_engine(
        URL.create("sqlite", database=str(lock)),
        poolclass=StaticPool,
        # Who only asks whether somebody holds it holds it himself for a moment: `holder`.
        connect_args={"timeout": 1, "isolation_level": None},
    )
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            try:
                db.exec_driver_sql("create table if not exists holder (pid integer, host text)")
                db.exec_driver_sql("begin immediate")
                db.exec_driver_sql("delete from holder")
                db.exec_driver_sql("insert into holder values (?, ?)", (os.getpid(), socket.gethostname()))
                db.exec_driver_sql("commit")
                db.exec_driver_sql("begin immediate")
            except OperationalError as error:
                raise LedgerInUseError(
                    f"another run holds the ledger {path}: {_holder(lock)}. "
                    "Wait until it has ended, or watch it with the status command."
                ) from error
            try:
                yield
            finally:
                db.exec_driver_sql("rollback")
    finally:
        engine.dispose()


def holder(path: Path) -> str | None:
    """Who holds the ledger; None when nobody does."""
    lock = _lock_of(path)
    if not lock.is_file():
        return None
    engine = create_engine(URL.create("sqlite", database=str(lock)), connect_args={"timeout": 0})
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("begin immediate")
            db.exec_driver_sql("rollback")
    except OperationalError:
        return _holder(lock)
    finally:
        engine.dispose()
    return None


def _lock_of(path: Path) -> Path:
    """The lock beside the file itself, by whatever link it is named."""
    real = path.resolve()
    return real.with_name(real.name + ".lock")


def _holder(lock: Path) -> str:
    engine = create_engine(URL.create("sqlite", database=str(lock)), connect_args={"timeout": 1})
    try:
        with engine.connect() as db:
            row = db.exec_driver_sql("select pid, host from holder").first()
    except OperationalError:
        row = None
    finally:
        engine.dispose()
    return f"process {row[0]} on {row[1]}" if row else "a process that has just begun"


def _engine(path: Path | None) -> Engine:
    if path is None:
        return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=32,
        max_overflow=32,
        connect_args={"check_same_thread": False, "timeout": 30},
    )

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("pragma journal_mode = wal")
        cursor.execute("pragma synchronous = full")
        cursor.close()

    return engine


def _add_missing_columns(engine: Engine) -> None:
    """Give a ledger of an earlier version the columns and indexes that came since; all columns may be null."""
    with engine.begin() as db:
        for table in META.sorted_tables:
            there = {column["name"] for column in inspect(db).get_columns(table.name)}
            for column in table.columns:
                if column.name not in there:
                    kind = column.type.compile(dialect=engine.dialect)
                    db.exec_driver_sql(f"alter table {table.name} add column {column.name} {kind}")
            for index in table.indexes:
                index.create(db, checkfirst=True)


def _counter(db: Connection, column: Column[Any]) -> int:
    return int(db.scalar(select(func.max(column))) or 0)


def _closing(intent_id: int, now: float, outcome: str, request_id: str | None) -> dict[str, Any]:
    return {"_id": intent_id, "_at": now, "_outcome": outcome, "_request": request_id}


def intent_of(row: Any) -> Intent:
    """Return a row of the table of intents as one."""
    return Intent(
        row.intent_id,
        row.run_id,
        row.phase,
        row.lane,
        row.kind,
        row.action,
        tuple(Item(*item) for item in json.loads(row.items)),
        json.loads(row.fingerprint) if row.fingerprint else None,
        row.opened_at,
    )


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _unwritable(path: Path | None, error: BaseException) -> LedgerWriteError:
    cause = getattr(error, "orig", None) or error
    return LedgerWriteError(
        f"the ledger {path} cannot be written: {cause}. Nothing is lost; free the disk or restore the rights, then "
        "run the same command again."
    )
