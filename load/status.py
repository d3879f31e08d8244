"""Where a load stands, from the ledger alone: may be asked at any time, also while a run is going on."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from load.clock import Clock, SystemClock
from load.ledger import DEAD_LETTERS, INTENTS, RUNS, SETTLED, Ledger, holder
from load.selection import recorded

SHOWN = 20
"""Dead letters that are shown one by one; all of them are in the ledger."""


@dataclass(frozen=True)
class RunStatus:
    """The latest run.

    Attributes:
        state: running, finished, stopped or interrupted; a run whose process died counts as interrupted.
        seconds: how long it took, or has been going on.
        announced: writes per kind that it set out to make.
        done: calls per kind that took effect so far.
        figures: counts of requests.
        selection: the part of the plan that was meant, as `Chosen.as_dict` gives it; None for all of it.
    """

    run_id: str
    state: str
    reason: str | None
    process: str | None
    started_at: float
    seconds: float
    announced: Mapping[str, int]
    done: Mapping[str, int]
    figures: Mapping[str, int]
    selection: Mapping[str, Any] | None = None

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None before anything is done."""
        done, total = sum(self.done.values()), sum(self.announced.values())
        return self.seconds / done * (total - done) if done and self.state == "running" else None


@dataclass(frozen=True)
class LeftOver:
    """A slot that could not be settled."""

    slot: str
    reason: str
    status: int
    code: str
    message: str
    request_id: str | None


@dataclass(frozen=True)
class Status:
    """One screen about a load.

    Attributes:
        workspace_id: that the ledger belongs to; None before the first run.
        settled: slots that are so in Intercom, per kind.
        unresolved: calls whose fate is unknown; the next run looks them up.
        left_over: dead letters by reason.
        first: some of them.
    """

    workspace_id: str | None
    run: RunStatus | None
    settled: Mapping[str, int]
    unresolved: int
    left_over: Mapping[str, int]
    first: tuple[LeftOver, ...]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **asdict(self),
            "run": None if self.run is None else {**asdict(self.run), "seconds_left": self.run.seconds_left},
        }


NOTHING = Status(None, None, {}, 0, {}, ())
"""Before the first run."""


def read_status(ledger_path: Path, *, clock: Clock | None = None) -> Status:
    """Read a ledger; a missing one is that of a load that has not begun.

    Args:
        ledger_path: the SQLite file.
        clock: where time comes from.
    """
    if not ledger_path.is_file():
        return NOTHING
    held_by = holder(ledger_path)
    with Ledger(ledger_path, clock=clock) as ledger, ledger.engine.connect() as db:
        bound = ledger.workspace()
        unresolved = [intent for intent in ledger.open_intents() if held_by is None or intent.run_id != _latest(db)]
        return Status(
            workspace_id=bound[0] if bound else None,
            run=_run(db, held_by, (clock or SystemClock()).time()),
            settled=_counts(db, SETTLED.c.kind),
            unresolved=len(unresolved),
            left_over=_counts(db, DEAD_LETTERS.c.reason),
            first=tuple(
                LeftOver(row.slot, row.reason, row.status, row.code, row.message, row.request_id)
                for row in db.execute(
                    select(DEAD_LETTERS)
                    .order_by(DEAD_LETTERS.c.reason == "depends", DEAD_LETTERS.c.phase, DEAD_LETTERS.c.slot)
                    .limit(SHOWN)
                )
            ),
        )


def _latest(db: Connection) -> str | None:
    found: str | None = db.scalar(select(RUNS.c.run_id).order_by(RUNS.c.started_at.desc()).limit(1))
    return found


def _run(db: Connection, held_by: str | None, now: float) -> RunStatus | None:
    row = db.execute(select(RUNS).order_by(RUNS.c.started_at.desc()).limit(1)).first()
    if row is None:
        return None
    state, reason = row.state, row.reason
    if state == "running" and held_by is None:
        state, reason = "interrupted", "the process ended without saying so"
    announced: dict[str, int] = defaultdict(int)
    for kinds in json.loads(row.announced).values():
        for kind, number in kinds.items():
            announced[kind] += number
    done: dict[str, int] = {}
    query = (
        select(INTENTS.c.kind, INTENTS.c.action, func.count())
        .where(INTENTS.c.run_id == row.run_id, INTENTS.c.outcome.in_(("answered", "found")))
        .group_by(INTENTS.c.kind, INTENTS.c.action)
    )
    rows: list[Any] = list(db.execute(query))
    for kind, action, number in rows:
        label = f"{kind} (undo)" if action == "undo" else str(kind)
        done[label] = done.get(label, 0) + int(number)
    return RunStatus(
        run_id=row.run_id,
        state=state,
        reason=reason,
        process=held_by,
        started_at=row.started_at,
        seconds=(row.ended_at or (now if held_by else row.started_at)) - row.started_at,
        announced=dict(announced),
        done=done,
        figures=json.loads(row.figures),
        selection=recorded(row.selection),
    )


def _counts(db: Connection, column: Any) -> dict[str, int]:
    rows: list[Any] = list(db.execute(select(column, func.count()).group_by(column)))
    return {str(name): int(number) for name, number in rows}
