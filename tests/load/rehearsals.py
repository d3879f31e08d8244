"""A rehearsal: a simulated workspace that is served, a little plan in a warehouse, and room for a ledger."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from little_plan import WORKSPACE_ID, Ids, LittlePlan, little_plan, seed, settings

from load import silence
from load.clock import SystemClock
from load.engine import Result, apply
from load.plan import Plan
from load.settings import Settings
from load.simulator import Options, Workspace, serve

UNLIMITED = 1_000_000
ACKNOWLEDGED = [option for name in silence.ALL for option in ("--acknowledge", name)]
"""For a command that is to be executed."""


class PatientClock(SystemClock):
    """Real time in which nothing is slept: waiting is counted, and time jumps."""

    def __init__(self) -> None:
        self.slept = 0.0

    def time(self) -> float:
        return time.time() + self.slept

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        if not condition.wait(min(seconds, 0.01)):
            self.slept += seconds

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@dataclass
class Rehearsal:
    """What a test of a load needs."""

    folder: Path
    workspace: Workspace
    base_url: str
    ids: Ids
    plan: LittlePlan
    clock: PatientClock = field(default_factory=PatientClock)
    announced: list[Plan] = field(default_factory=list)
    intercom: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return settings(self.folder, self.base_url, **self.intercom)

    @property
    def warehouse(self) -> Path:
        return self.settings.warehouse

    @property
    def ledger(self) -> Path:
        return self.settings.ledger

    @property
    def environment(self) -> dict[str, str]:
        """The settings as a person gives them to a command."""
        settings = self.settings
        named = {
            **{f"INTERCOM__{name.upper()}": str(value) for name, value in vars(settings.intercom).items()},
            "WAREHOUSE__PATH": str(settings.warehouse),
            "LEDGER__PATH": str(settings.ledger),
        }
        return {name: value for name, value in named.items() if value}

    def build(self, **gate: bool) -> None:
        """Write the warehouse anew, as a build does."""
        self.plan.write(self.warehouse, **gate)

    def apply(self, **more: Any) -> Result:
        known = {"acknowledge": silence.ALL, **more}
        return apply(self.settings, clock=self.clock, on_plan=self.announced.append, **known)

    def content(self, *, import_time_parts: bool = True) -> list[dict[str, Any]]:
        return list(self.workspace.dump(import_time_parts=import_time_parts))

    def accepted(self) -> int:
        return sum(self.workspace.accepted_writes().values())


Rehearse = Callable[..., Rehearsal]


@contextmanager
def rehearsing(folder: Path) -> Iterator[Rehearse]:
    """Start rehearsals in a folder; all end with the block."""
    with ExitStack() as stack:
        number = 0

        def start(*, tickets: range = range(1, 9), build: bool = True, **options: Any) -> Rehearsal:
            nonlocal number
            number += 1
            place = folder / str(number)
            place.mkdir()
            workspace = stack.enter_context(Workspace(place / "workspace.sqlite"))
            ids = seed(workspace)
            chosen = Options(**{"workspace_id": WORKSPACE_ID, "rate_limit": UNLIMITED, **options})
            served = stack.enter_context(serve(workspace, chosen))
            rehearsal = Rehearsal(place, workspace, served.base_url, ids, little_plan(ids, tickets=tickets))
            if build:
                rehearsal.build()
            return rehearsal

        yield start
