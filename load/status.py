"""Where a load stands, from the ledger alone: may be asked at any time, also while a run is going on.

The file is opened for reading only, so a run neither waits for who asks nor is changed by it.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, func, inspect, or_, select
from sqlalchemy.pool import NullPool

from load import silence
from load.clock import Clock, SystemClock
from load.ledger import ACKNOWLEDGEMENTS, DEAD_LETTERS, INTENTS, RUNS, SETTLED, WORKSPACE, holder
from load.letters import way_out
from load.pace import SPAN, Speed
from load.rollback.endings import FORGET_METRICS, INCLUDE_CHANGED, KEPT, ROLLBACK
from load.selection import recorded

SHOWN = 20
"""Dead letters that are shown one by one; all of them are in the ledger."""


@dataclass(frozen=True)
class PhaseStatus:
    """A phase of the latest run.

    Attributes:
        announced: calls that it set out to make.
        done: calls that took effect so far.
        left_over: slots that could not be settled in this run.
    """

    phase: int
    name: str
    announced: int
    done: int
    left_over: int


@dataclass(frozen=True)
class RunStatus:
    """The latest run.

    Attributes:
        is_rollback: it takes a load back.
        state: running, finished, stopped or interrupted; a run whose process died counts as interrupted.
        selection: the part of the plan that was meant, as `Chosen.as_dict` gives it; None for all of it.
        seconds: how long it took, or has been going on.
        announced: writes per kind that it set out to make.
        done: calls per kind that took effect so far.
        phases: the same per phase.
        figures: counts of requests; while it runs, the last minute's speed, too.
        speed: of the last minute; empty when it does not run.
        choice: of a rollback, the options that say what it takes back.
        kept: of a rollback, what was not taken back.
        kept_why: the same by reason.
    """

    run_id: str
    is_rollback: bool
    state: str
    reason: str | None
    process: str | None
    selection: Mapping[str, Any] | None
    started_at: float
    seconds: float
    announced: Mapping[str, int]
    done: Mapping[str, int]
    phases: tuple[PhaseStatus, ...]
    figures: Mapping[str, int]
    speed: Speed
    choice: str = ""
    kept: int = 0
    kept_why: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float | None:
        """At the last minute's rate, else at the rate so far; None before anything is done."""
        if self.state != "running":
            return None
        if self.speed.per_second is not None:
            return self.speed.seconds_left
        done, total = sum(self.done.values()), sum(self.announced.values())
        return self.seconds / done * (total - done) if done else None


@dataclass(frozen=True)
class LeftOver:
    """A slot that could not be settled, and what to do about it."""

    slot: str
    kind: str
    reason: str
    status: int
    code: str
    message: str
    request_id: str | None
    way_out: str


@dataclass(frozen=True)
class Status:
    """One screen about a load.

    Attributes:
        workspace_id: that the ledger belongs to; None before the first run.
        requests_per_window: the workspace's limit as it was last seen.
        settled: slots that are so in Intercom, per kind.
        unresolved: calls whose fate is unknown; the next run looks them up.
        left_over: dead letters by reason.
        first: some of them, those that wait for others last.
        unacknowledged: side effects that going on may have, of the latest run's plan, and that nobody acknowledged.
    """

    workspace_id: str | None = None
    requests_per_window: int | None = None
    run: RunStatus | None = None
    settled: Mapping[str, int] = field(default_factory=dict)
    unresolved: int = 0
    left_over: Mapping[str, int] = field(default_factory=dict)
    first: tuple[LeftOver, ...] = ()
    unacknowledged: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **asdict(self),
            "run": None if self.run is None else {**asdict(self.run), "seconds_left": self.run.seconds_left},
        }


def read_status(ledger_path: Path, *, clock: Clock | None = None) -> Status:
    """Read a ledger; a missing one is that of a load that has not begun.

    Args:
        ledger_path: the SQLite file.
        clock: where time comes from.
    """
    if not ledger_path.is_file():
        return Status()
    held_by = holder(ledger_path)
    address = f"{ledger_path.resolve().as_uri()}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    with engine.connect() as db:
        bound = db.execute(select(WORKSPACE.c.workspace_id, WORKSPACE.c.requests_per_window)).first()
        run = _run(db, held_by, (clock or SystemClock()).time())
        return Status(
            workspace_id=bound.workspace_id if bound else None,
            requests_per_window=bound.requests_per_window if bound else None,
            run=run,
            settled=_counts(db, SETTLED.c.kind),
            unresolved=_unresolved(db, run),
            left_over=_counts(db, DEAD_LETTERS.c.reason),
            first=_first(db),
            unacknowledged=_unacknowledged(db, run),
        )


def _unacknowledged(db: Connection, run: RunStatus | None) -> tuple[str, ...]:
    if run is None or run.is_rollback or not inspect(db).has_table(ACKNOWLEDGEMENTS.name):
        return ()
    plan_hash = select(RUNS.c.plan_hash).where(RUNS.c.run_id == run.run_id).scalar_subquery()
    known: set[str] = set(
        db.scalars(select(ACKNOWLEDGEMENTS.c.effect).where(ACKNOWLEDGEMENTS.c.plan_hash == plan_hash))
    )
    kinds = [*run.announced, *db.scalars(select(DEAD_LETTERS.c.kind).distinct())]
    return tuple(one.effect.name for one in silence.due(dict.fromkeys(kinds, 1), known) if not one.acknowledged)


def _unresolved(db: Connection, run: RunStatus | None) -> int:
    """Open intents, but not those that a run has under way at this moment."""
    under_way = run.run_id if run is not None and run.state == "running" else ""
    query = select(func.count()).where(INTENTS.c.closed_at.is_(None), INTENTS.c.run_id != under_way)
    return int(db.scalar(query) or 0)


def _first(db: Connection) -> tuple[LeftOver, ...]:
    letters = DEAD_LETTERS.c
    query = (
        select(
            letters.slot,
            letters.kind,
            letters.reason,
            letters.status,
            letters.code,
            letters.message,
            letters.request_id,
            letters.cause_slot,
        )
        .order_by(letters.reason == "depends", letters.phase, letters.slot)
        .limit(SHOWN)
    )
    shown = []
    for row in db.execute(query).mappings():
        columns = dict(row)
        cause = columns.pop("cause_slot")
        shown.append(LeftOver(**columns, way_out=way_out(row["reason"], row["code"], row["status"], cause)))
    return tuple(shown)


def _run(db: Connection, held_by: str | None, now: float) -> RunStatus | None:
    # Not by the names of its columns: a ledger that an earlier version wrote has fewer.
    row = db.exec_driver_sql("select * from runs order by started_at desc limit 1").mappings().first()
    if row is None:
        return None
    state, reason = row["state"], row["reason"]
    if state == "running" and held_by is None:
        state, reason = "interrupted", "the process ended without saying so"
    announced = json.loads(row["announced"])
    done = _done(db, row["run_id"])
    figures = json.loads(row["figures"])
    return RunStatus(
        run_id=row["run_id"],
        is_rollback=row["plan_hash"].startswith(ROLLBACK),
        state=state,
        reason=reason,
        process=held_by,
        selection=recorded(row.get("selection")),
        started_at=row["started_at"],
        seconds=(row["ended_at"] or (now if held_by else row["started_at"])) - row["started_at"],
        announced=_by_kind(announced),
        done=_by_kind(done),
        phases=_phases(db, row["run_id"], announced, done),
        figures={name: number for name, number in figures.items() if name != KEPT},
        choice=_options(row["plan_hash"]),
        kept=sum(figures.get(KEPT, {}).values()),
        kept_why=figures.get(KEPT, {}),
        speed=_speed(figures) if state == "running" else Speed(),
    )


def _options(plan_hash: str) -> str:
    """What a rollback was asked for, as it is asked again."""
    words = iter(plan_hash.removeprefix(f"{ROLLBACK}: ").split()) if plan_hash.startswith(ROLLBACK) else iter(())
    switches = {"everything", INCLUDE_CHANGED, FORGET_METRICS}
    return " ".join(f"--{name}" if name in switches else f"--{name} {next(words, '')}" for name in words)


def _speed(figures: Mapping[str, int]) -> Speed:
    a_minute, percent = figures.get("steps_a_minute"), figures.get("budget_percent")
    return Speed(
        None if a_minute is None else a_minute / SPAN,
        None if percent is None else percent / 100,
        figures.get("seconds_left"),
    )


def _phases(
    db: Connection,
    run_id: str,
    announced: Mapping[str, Mapping[str, int]],
    done: Mapping[str, Mapping[str, int]],
) -> tuple[PhaseStatus, ...]:
    query = (
        select(DEAD_LETTERS.c.phase, func.count()).where(DEAD_LETTERS.c.run_id == run_id).group_by(DEAD_LETTERS.c.phase)
    )
    left_over = {row[0]: row[1] for row in db.execute(query)}
    phases = []
    names = _names(db)
    for title, kinds in announced.items():
        number = title.partition(" ")[0]
        phase = int(number)
        made = sum(done.get(number, {}).values())
        phases.append(PhaseStatus(phase, names.get(number, number), sum(kinds.values()), made, left_over.get(phase, 0)))
    return tuple(phases)


def phase_names(ledger_path: Path) -> dict[str, str]:
    """Names of phases by number, as far as a load has announced them."""
    with closing(sqlite3.connect(f"{ledger_path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        titles = [title for (title,) in db.execute("select distinct key from runs, json_each(announced)")]
    return _named(titles)


def _names(db: Connection) -> dict[str, str]:
    """Names of phases by number, as any load announced them: a rollback knows the numbers alone."""
    titles: Iterable[str] = db.exec_driver_sql("select distinct key from runs, json_each(announced)").scalars()
    return _named(titles)


def _named(titles: Iterable[str]) -> dict[str, str]:
    named = (title.partition(" ") for title in titles)
    return {number: name for number, _, name in named if name}


def _done(db: Connection, run_id: str) -> dict[str, dict[str, int]]:
    """Calls of a run that took effect, by phase and kind."""
    intents = INTENTS.c
    query = (
        select(intents.phase, intents.kind, intents.action, func.count())
        .where(intents.run_id == run_id, or_(intents.outcome == "answered", intents.outcome == "found"))
        .group_by(intents.phase, intents.kind, intents.action)
    )
    done: dict[str, dict[str, int]] = {}
    rows: list[Any] = list(db.execute(query))
    for phase, kind, action, number in rows:
        label = f"{kind} (undo)" if action == "undo" else str(kind)
        kinds = done.setdefault(str(phase), {})
        kinds[label] = kinds.get(label, 0) + int(number)
    return done


def _by_kind(phases: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for kinds in phases.values():
        for kind, number in kinds.items():
            total[kind] = total.get(kind, 0) + number
    return total


def _counts(db: Connection, column: Any) -> dict[str, int]:
    rows: list[Any] = list(db.execute(select(column, func.count()).group_by(column)))
    return {str(name): int(number) for name, number in rows}
