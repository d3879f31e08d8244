"""Compares what must be so in Intercom with what the ledger says is so: the difference is what is due.

A lane is decided by `decide`, a pure function; the plan is that function over all lanes, counted. So the
number that is announced is the number of calls that will be made. Nothing here sends or writes anything.
"""

import json
import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import duckdb

from load import silence, warehouse
from load.clock import Clock, SystemClock
from load.errors import GateError
from load.kinds import KINDS, kind_of
from load.ledger import DeadLetter, Ledger, Settled
from load.letters import FAULTS, REFUSED, UNKNOWN
from load.selection import Chosen, ChosenSlots, Selection, choose
from load.warehouse import Gate, Row

STATE = "conversation.state"
AFTER = "after "
"""Before the reason of what a held slot comes after."""
LIMITS = (166, 1666)
"""Requests per window for which a time is given while the workspace's own limit is not known."""

Action = Literal["send", "update", "imply", "undo"]


@dataclass(frozen=True)
class Step:
    """One call, or one settlement without a call.

    Attributes:
        action: send it as planned; update what it created; note it as implied; take a settled slot back.
        rows: what it settles: one row, or several attribute rows that travel together; none for an undo.
        settled: of an `update`, the receipt that is there; of an `undo`, the receipt to take back.
    """

    action: Action
    rows: tuple[Row, ...] = ()
    settled: Settled | None = None

    @property
    def kind(self) -> str:
        """The kind of the rows."""
        return self.rows[0].kind if self.rows else (self.settled.kind if self.settled else "")

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots that it settles."""
        return tuple(row.slot for row in self.rows) or ((self.settled.slot,) if self.settled else ())

    @property
    def label(self) -> str:
        """Under which the announcement counts it."""
        return f"{self.kind} (undo)" if self.action == "undo" else self.kind


@dataclass(frozen=True)
class LanePlan:
    """What is due in a lane.

    Attributes:
        steps: calls in order.
        changed: append-only slots whose content changed after they were sent.
        vanished: settled slots that the plan no longer names and that a person has to look at.
        held: due slots that wait for a dead letter to be retried.
        held_why: for each of these its own fault, refused or unknown, or that of what it comes `after`.
        released: dead-lettered slots that are due again, because their payload changed.
        repainted: slots whose payload changed and whose content did not; nothing is sent.
    """

    steps: tuple[Step, ...] = ()
    changed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    held_why: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    repainted: int = 0


@dataclass
class Listed:
    """A list of slots of which only the first are kept, so that a plan needs no more memory than a page."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, slots: Iterable[str]) -> None:
        """Take more slots."""
        for slot in slots:
            self.count += 1
            if len(self.first) < 100:  # noqa: PLR2004 - what a person still reads
                self.first.append(slot)


@dataclass(frozen=True)
class PhasePlan:
    """What a phase will do: lanes with work, writes per kind, settlements without a call."""

    phase: int
    name: str
    lanes: int
    writes: Mapping[str, int]
    implied: int

    @property
    def total(self) -> int:
        """All writes of the phase."""
        return sum(self.writes.values())


@dataclass(frozen=True)
class Plan:
    """What an apply would do now.

    Attributes:
        plan_hash: of the data.
        refusal: why an apply would refuse to start; None when it would not.
        phases: in order, those with work.
        rows: in the plan.
        settled: rows that are so already.
        changed: changed after load, append-only, not sent again.
        vanished: settled, no longer in the plan, to be looked at.
        held: due, but held back by dead letters.
        held_why: their number by reason: refused or unknown, or `after` one that is.
        repainted: another payload for the same content; not sent.
        unresolved: calls of an earlier run whose fate is unknown; an apply looks them up first.
        requests_per_window: the workspace's limit as last seen; None before the first call.
        side_effects: what the due writes may set off.
        not_silenceable: contacts whom Intercom could write to meanwhile, by reason.
        chosen: what a selection came to; None for the whole plan. All other numbers are of what is chosen.
        held_by_phase: number of what is held, by phase.
    """

    plan_hash: str
    refusal: str | None
    phases: tuple[PhasePlan, ...]
    rows: int
    settled: int
    changed: Listed
    vanished: Listed
    held: Listed
    held_why: Mapping[str, int]
    repainted: int
    unresolved: int
    requests_per_window: int | None
    side_effects: tuple[silence.Due, ...] = ()
    not_silenceable: Mapping[str, int] = field(default_factory=dict)
    chosen: Chosen | None = None
    held_by_phase: Mapping[int, int] = field(default_factory=dict)

    @property
    def writes(self) -> dict[str, int]:
        """Writes per kind."""
        total: Counter[str] = Counter()
        for phase in self.phases:
            total.update(phase.writes)
        return dict(total)

    @property
    def implied(self) -> int:
        """All settlements without a call."""
        return sum(phase.implied for phase in self.phases)

    @property
    def total(self) -> int:
        """All writes."""
        return sum(phase.total for phase in self.phases)

    def seconds(self, requests_per_window: int) -> float:
        """How long the writes take at a limit, when the answers come fast enough."""
        return self.total / requests_per_window * 10.0

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        limits = (self.requests_per_window,) if self.requests_per_window else LIMITS
        return {
            "plan_hash": self.plan_hash,
            "refusal": self.refusal,
            "rows": self.rows,
            "settled": self.settled,
            "writes": self.total,
            "writes_by_kind": self.writes,
            "phases": [
                {
                    "phase": phase.phase,
                    "name": phase.name,
                    "lanes": phase.lanes,
                    "writes": phase.total,
                    "writes_by_kind": dict(phase.writes),
                    "implied": phase.implied,
                }
                for phase in self.phases
            ],
            "changed_after_load": {"count": self.changed.count, "first": self.changed.first},
            "vanished": {"count": self.vanished.count, "first": self.vanished.first},
            "held_back": {
                "count": self.held.count,
                "first": self.held.first,
                "by_reason": dict(self.held_why),
            },
            "payload_changed_only": self.repainted,
            "unresolved_calls": self.unresolved,
            "requests_per_window": self.requests_per_window,
            "side_effects": [effect.as_dict() for effect in self.side_effects],
            "contacts_not_silenceable": dict(self.not_silenceable),
            "selection": self.chosen.as_dict() if self.chosen else None,
            "seconds": {str(limit): round(self.seconds(limit), 1) for limit in limits},
        }


def spool_of(ledger: Path) -> Path:
    """The folder of whoever holds the ledger, for customers' files that are under way."""
    real = ledger.resolve()
    return real.with_name(f".{real.name}.spool")


class Worklist:
    """The lanes with work, in order, in a private folder; an apply goes through them by batches.

    Holds keys only, and no more memory than a page of them.

    Args:
        folder: made anew, without what a killed run left there, so nobody else may use it: see `spool_of`. By default
            a temporary one, for who only plans.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="load-"))  # mode 0700
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        self.folder = folder
        self.slots: ChosenSlots | None = None
        self._db = sqlite3.connect(self.folder / "lanes.sqlite", isolation_level=None)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.execute("create table lanes (phase integer, lane text, primary key (phase, lane)) without rowid")
        self._db.execute("begin")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove it."""
        if self.slots is not None:
            self.slots.close()
        self._db.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, phase: int, lane: str) -> None:
        """Note a lane with work."""
        self._db.execute("insert or ignore into lanes values (?, ?)", (phase, lane))

    def choose(self, db: duckdb.DuckDBPyConnection, ledger: Ledger, selection: Selection) -> Chosen:
        """Find the rows that a selection means, and remember their slots; see `selection.choose`."""
        self.slots = ChosenSlots(self.folder)
        return choose(db, ledger, selection, self.slots)

    def chosen(self, rows: Sequence[Row]) -> list[Row]:
        """Those of the rows that are chosen; all when nothing was."""
        if self.slots is None:
            return list(rows)
        slots = self.slots.among([row.slot for row in rows])
        return [row for row in rows if row.slot in slots]

    def phases(self) -> list[int]:
        """Phases with work, in order."""
        return [row[0] for row in self._db.execute("select distinct phase from lanes order by phase")]

    def page(self, phase: int, after: str, number: int) -> list[str]:
        """The next lanes of a phase."""
        query = "select lane from lanes where phase = ? and lane > ? order by lane limit ?"
        return [row[0] for row in self._db.execute(query, (phase, after, number))]


def decide(
    rows: Sequence[Row],
    settled: Mapping[str, Settled],
    dead: Mapping[str, DeadLetter] | None = None,
    *,
    released: Collection[str] = (),
    elsewhere: Collection[str] = (),
    uncertain: Collection[str] = (),
    outdated: Collection[str] = (),
    stays: bool = False,
) -> LanePlan:
    """Say what is due in a lane.

    A row is due when the latest effective receipt of its slot holds another content; a state that is not open
    also when a part, an assignment or a tag of its lane is due or was received later, since those reopen.

    Args:
        rows: of the lane, by position.
        settled: effective receipts of the lane and of the rows' slots, by slot.
        dead: dead letters of the lane, by slot.
        released: dead-lettered slots of other lanes that are due again.
        elsewhere: settled slots of this lane that the plan names in another lane or phase.
        uncertain: slots with a call of an earlier run whose fate is unknown; what can be repeated is due.
        outdated: settled slots whose text names a conversation that was made, or taken back, after they were received.
        stays: the object that the lane is named after is in the plan, maybe in another phase.
    """
    dead = dead or {}
    named = {row.slot for row in rows}
    touching = [s for s in settled.values() if kind_of(s.kind).touches]
    last_touch = max((s.receipt_id for s in touching), default=0)

    steps: list[Step] = []
    vanished: list[str] = []
    for gone in sorted((s for s in settled.values() if s.slot not in named), key=lambda s: s.receipt_id):
        if gone.slot in elsewhere or gone.on_absent == "keep":
            continue
        # A lane of which nothing is planned any more is a person's matter, unless the lane is that one thing, or
        # its object stays: a contact who has left his last company.
        if gone.on_absent == "undo" and gone.undo and (rows or stays or gone.lane == gone.slot):
            steps.append(Step("undo", settled=gone))
        else:
            vanished.append(gone.slot)

    changed: list[str] = []
    held: dict[str, str] = {}
    let_go: list[str] = []
    repainted = 0
    touched = False
    blocked: str | None = None
    for row in rows:
        there = settled.get(row.slot)
        same = there is not None and there.content_hash == row.content_hash
        repainted += same and there is not None and there.payload_hash != row.payload_hash
        reopened = touched or (there is not None and last_touch > there.receipt_id)
        action = _action(row, there, reopened=reopened, again=row.slot in uncertain or row.slot in outdated)
        if action is None:
            if not same:
                changed.append(row.slot)
            continue
        letter = dead.get(row.slot)
        if letter and not _blocks(letter, row, dead, released, let_go):
            let_go.append(row.slot)
            letter = None
        if blocked or letter:
            held[row.slot] = _why(letter, blocked)
            blocked = held[row.slot].removeprefix(AFTER)
            continue
        kind = kind_of(row.kind)
        touched = touched or kind.touches
        last = steps[-1] if steps else None
        if kind.merges and last and last.rows and last.kind == row.kind and last.rows[0].path == row.path:
            steps[-1] = Step("send", (*last.rows, row))
        else:
            steps.append(Step(action, (row,), there if action == "update" else None))
    return LanePlan(
        tuple(steps),
        tuple(changed),
        tuple(vanished),
        held=tuple(held),
        held_why=tuple(held.values()),
        released=tuple(let_go),
        repainted=repainted,
    )


def _action(row: Row, there: Settled | None, *, reopened: bool, again: bool) -> Action | None:
    kind = kind_of(row.kind)
    is_state = row.kind == STATE
    if there is None:
        return "imply" if is_state and row.message_type == "open" and not again else "send"
    if there.content_hash != row.content_hash or again:
        if kind.once:
            return None
        return "update" if kind.updates and there.intercom_id else "send"
    return "send" if is_state and row.message_type != "open" and reopened else None


def _blocks(
    letter: DeadLetter,
    row: Row,
    dead: Mapping[str, DeadLetter],
    released: Collection[str],
    let_go: Collection[str],
) -> bool:
    """Whether a dead letter still holds its slot: a refusal, as long as nothing about it has changed."""
    if letter.reason == UNKNOWN:  # its fate is not changed by what the source says now
        return True
    if letter.reason in FAULTS:
        return letter.payload_hash == row.payload_hash
    if letter.reason == "depends":
        cause = letter.cause_slot or ""
        if cause in released or cause in let_go:
            return False
        # A cause in the same lane holds what follows by itself.
        return letter.status == CAUSE_STANDS and cause not in dead
    return False


def _why(letter: DeadLetter | None, blocked: str | None) -> str:
    """Why a slot is held: by its own fault, or by what stands before it, in its lane or in another."""
    if letter and letter.reason in FAULTS:
        return letter.reason
    return f"{AFTER}{blocked or (letter.code if letter and letter.code in FAULTS else REFUSED)}"


CAUSE_STANDS = -1
"""`status` given by `with_causes` to a letter whose cause, in another lane, is still a dead letter; its `code` is then
the cause's reason."""


def make_plan(
    warehouse_path: Path,
    ledger: Ledger,
    *,
    clock: Clock | None = None,
    worklist: Worklist | None = None,
    selection: Selection | None = None,
) -> Plan:
    """Compute what an apply would do.

    Args:
        warehouse_path: the DuckDB file, opened read-only.
        ledger: what is so already.
        clock: where time comes from.
        worklist: filled with the lanes that have work, and with the chosen slots.
        selection: the part of the plan that is meant; by default all of it.

    Raises:
        GateError: there is no plan in the warehouse.
        SelectionError: the selection means nothing that the plan has.
        WarehouseLockedError: another program holds the file.
    """
    with ExitStack() as stack:
        if worklist is None:
            worklist = stack.enter_context(Worklist())
        db = stack.enter_context(warehouse.reading(warehouse_path, clock or SystemClock()))
        gate = warehouse.read_gate(db)
        summary = _Summary(gate, warehouse.phase_names(db), warehouse.contacts_not_silenceable(db))
        unknown = sorted(warehouse.kinds_in_plan(db) - set(KINDS))
        if unknown:
            raise GateError(f"the plan has kinds that this loader does not know: {', '.join(unknown)}. Update it.")
        if selection is not None and selection.chooses:
            summary.chosen = worklist.choose(db, ledger, selection)
        for phase, lane, lane_plan in _lanes(db, ledger, summary):
            summary.take(phase, lane_plan)
            if lane_plan.steps:
                worklist.add(phase, lane)
    return summary.plan(ledger)


class _Summary:
    def __init__(self, gate: Gate, names: Mapping[int, str], not_silenceable: Mapping[str, int]) -> None:
        self.gate = gate
        self.not_silenceable = not_silenceable
        self.names = names
        self.chosen: Chosen | None = None
        self.rows = self.due = self.repainted = 0
        self.changed, self.vanished, self.held = Listed(), Listed(), Listed()
        self.held_why: Counter[str] = Counter()
        self.held_by_phase: Counter[int] = Counter()
        self.released: set[str] = set()
        self.lanes: Counter[int] = Counter()
        self.implied: Counter[int] = Counter()
        self.writes: dict[int, Counter[str]] = defaultdict(Counter)

    def take(self, phase: int, lane: LanePlan) -> None:
        self.changed.add(lane.changed)
        self.vanished.add(lane.vanished)
        self.held.add(lane.held)
        self.held_why.update(lane.held_why)
        self.held_by_phase[phase] += len(lane.held)
        self.released.update(lane.released)
        self.repainted += lane.repainted
        self.lanes[phase] += bool(lane.steps)
        for step in lane.steps:
            self.due += len(step.rows)
            if step.action == "imply":
                self.implied[phase] += 1
            else:
                self.writes[phase][step.label] += 1

    def plan(self, ledger: Ledger) -> Plan:
        return Plan(
            plan_hash=self.gate.current_hash,
            refusal=self.gate.refusal,
            phases=tuple(
                PhasePlan(
                    phase,
                    self.names.get(phase, str(phase)),
                    self.lanes[phase],
                    dict(sorted(self.writes[phase].items())),
                    self.implied[phase],
                )
                for phase in sorted(self.lanes)
                if self.lanes[phase]
            ),
            rows=self.rows,
            settled=self.rows - self.due - self.changed.count - self.held.count,
            changed=self.changed,
            vanished=self.vanished,
            held=self.held,
            held_why=dict(self.held_why),
            repainted=self.repainted,
            unresolved=len(ledger.open_intents()),
            requests_per_window=ledger.requests_per_window(),
            not_silenceable=self.not_silenceable,
            side_effects=silence.due(sum(self.writes.values(), Counter()), ledger.acknowledged(self.gate.current_hash)),
            chosen=self.chosen,
            held_by_phase=dict(self.held_by_phase),
        )


def _lanes(db: duckdb.DuckDBPyConnection, ledger: Ledger, summary: _Summary) -> Iterator[tuple[int, str, LanePlan]]:
    """Go through the plan's lanes and the ledger's lanes side by side, both in order.

    Where only a part is chosen, what the plan no longer names is left to an apply of the whole.
    """
    if summary.chosen is not None:
        for phase, lanes in _grouped(db, chosen=True):
            summary.rows += sum(len(rows) for rows in lanes.values())
            decided = decide_lanes(db, ledger, phase, lanes, released=summary.released)
            yield from ((phase, lane, plan) for lane, plan in decided.items())
        return
    with closing(ledger.settled_lanes()) as stream:
        known = next(stream, None)
        for phase, lanes in _grouped(db):
            summary.rows += sum(len(rows) for rows in lanes.values())
            last = (phase, next(reversed(lanes)))
            gone: list[tuple[int, str]] = []
            while known is not None and known <= last:
                if not (known[0] == phase and known[1] in lanes):
                    gone.append(known)
                known = next(stream, None)
                if len(gone) >= warehouse.BATCH_LANES:
                    yield from _gone_lanes(db, ledger, gone)
                    gone = []
            yield from _gone_lanes(db, ledger, gone)
            decided = decide_lanes(db, ledger, phase, lanes, released=summary.released)
            yield from ((phase, lane, plan) for lane, plan in decided.items())
        rest: list[tuple[int, str]] = []
        while known is not None:
            rest.append(known)
            known = next(stream, None)
            if len(rest) >= warehouse.BATCH_LANES or known is None:
                yield from _gone_lanes(db, ledger, rest)
                rest = []


def _grouped(db: duckdb.DuckDBPyConnection, *, chosen: bool = False) -> Iterator[tuple[int, dict[str, list[Row]]]]:
    """The plan's rows by lane, 100 lanes of one phase at a time."""
    lanes: dict[str, list[Row]] = {}
    phase = 0
    for (row_phase, lane), rows in groupby(
        warehouse.all_rows(db, chosen=chosen), key=lambda row: (row.phase, row.lane)
    ):
        if lanes and (row_phase != phase or len(lanes) >= warehouse.BATCH_LANES):
            yield phase, lanes
            lanes = {}
        phase = row_phase
        lanes[lane] = list(rows)
    if lanes:
        yield phase, lanes


def _gone_lanes(
    db: duckdb.DuckDBPyConnection, ledger: Ledger, lanes: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, str, LanePlan]]:
    for phase, some in groupby(lanes, key=lambda known: known[0]):
        empty: dict[str, list[Row]] = {lane: [] for _, lane in some}
        decided = decide_lanes(db, ledger, phase, empty)
        yield from ((phase, lane, plan) for lane, plan in decided.items())


def decide_lanes(
    db: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    phase: int,
    lanes: Mapping[str, Sequence[Row]],
    *,
    released: Collection[str] = (),
) -> dict[str, LanePlan]:
    """Decide some lanes of a phase.

    Args:
        db: the warehouse.
        ledger: what is so already.
        phase: of the lanes.
        lanes: each lane's rows, by position; none for a lane that the plan no longer names.
        released: dead-lettered slots of other lanes that are due again.
    """
    slots = [row.slot for rows in lanes.values() for row in rows]
    settled = ledger.settled(phase, list(lanes), slots)
    uncertain = ledger.uncertain_slots()
    outdated = _outdated(ledger, [row for rows in lanes.values() for row in rows], settled)
    dead = with_causes(ledger, ledger.dead_letters(list(lanes)))
    of_lane: dict[str, dict[str, Settled]] = defaultdict(dict)
    named = {row.slot: lane for lane, rows in lanes.items() for row in rows}
    for slot, receipt in settled.items():
        of_lane[named.get(slot, receipt.lane)][slot] = receipt
    empty = [lane for lane, rows in lanes.items() if not rows]
    elsewhere = warehouse.slots_in_plan(db, [*(slot for slot in settled if slot not in named), *empty])
    return {
        lane: decide(
            rows,
            of_lane.get(lane, {}),
            {slot: letter for slot, letter in dead.items() if letter.lane == lane},
            released=released,
            elsewhere=elsewhere,
            uncertain=uncertain,
            outdated=outdated,
            stays=lane in elsewhere,
        )
        for lane, rows in lanes.items()
    }


def _outdated(ledger: Ledger, rows: Iterable[Row], settled: Mapping[str, Settled]) -> set[str]:
    """Settled rows whose text names a conversation that was made, or taken back, after they were sent."""
    linked = {
        row.slot: [str(json.loads(key)) for key in row.links] for row in rows if row.links and row.slot in settled
    }
    changes = ledger.last_changes("conversation.create", {key for keys in linked.values() for key in keys})
    return {
        slot for slot, keys in linked.items() if any(changes.get(key, 0) > settled[slot].receipt_id for key in keys)
    }


def with_causes(ledger: Ledger, letters: Mapping[str, DeadLetter]) -> dict[str, DeadLetter]:
    """Mark the letters whose cause is itself still a dead letter."""
    marked = {}
    for slot, letter in letters.items():
        cause = ledger.dead_letter_of(letter.cause_slot) if letter.cause_slot else None
        if cause is not None and cause.reason in FAULTS:
            marked[slot] = replace(letter, status=CAUSE_STANDS, code=cause.reason)
        else:
            marked[slot] = letter
    return marked
