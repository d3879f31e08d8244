"""How fast a run is, how much of the budget it uses, and when it will be done: over the last minute.

An average over the whole run would hide that Intercom has been silent for five minutes, or that another
program has begun to use the same budget.
"""

from collections import deque
from dataclasses import dataclass

from load.clock import Clock
from load.limiter import WINDOW

SPAN = 60.0
"""Seconds looked back at."""

_SHORTEST = 1.0  # below it a rate is noise


@dataclass(frozen=True)
class Speed:
    """What the last minute says.

    Attributes:
        per_second: steps done a second; None in the first second.
        budget: requests of ours as a share of the workspace's limit, over whole windows; None while the limit is
            unknown.
        seconds_left: until all phases are done, at this rate; None where nothing moves.
    """

    per_second: float | None = None
    budget: float | None = None
    seconds_left: float | None = None

    def as_figures(self) -> dict[str, int]:
        """As whole numbers, for the ledger; what is not known is left out."""
        figures = {
            "steps_a_minute": None if self.per_second is None else self.per_second * SPAN,
            "budget_percent": None if self.budget is None else self.budget * 100,
            "seconds_left": self.seconds_left,
        }
        return {name: round(value) for name, value in figures.items() if value is not None}


class Pace:
    """Takes note now and then. Notes come from one thread, `speed` may be read by any.

    Args:
        total: steps of all phases.
        clock: where time comes from.
    """

    def __init__(self, total: int, clock: Clock) -> None:
        self._total = total
        self._clock = clock
        self._notes: deque[tuple[float, int, int]] = deque()
        self.speed = Speed()

    def note(self, done: int, requests: int, limit: int | None, *, given_up: int = 0) -> None:
        """Take note of where the run stands.

        Args:
            done: steps done so far.
            requests: requests made so far.
            limit: requests that the workspace allows per window; None when it has not said.
            given_up: what will not be done in this run.
        """
        now = self._clock.monotonic()
        self._notes.append((now, done, requests))
        while len(self._notes) > 2 and self._notes[1][0] <= now - SPAN:  # noqa: PLR2004 - the oldest spans the minute
            self._notes.popleft()
        began, done_then, _ = self._notes[0]
        seconds = now - began
        if seconds < _SHORTEST:
            return
        rate = (done - done_then) / seconds
        left = max(self._total - done - given_up, 0)
        self.speed = Speed(rate, self._budget(now, requests, limit), left / rate if rate else None)

    def _budget(self, now: float, requests: int, limit: int | None) -> float | None:
        """Over whole windows only: as soon as one begins all of it may be used, so a part of one says nothing."""
        windows = int((now - self._notes[0][0]) // WINDOW)
        if not windows or not limit:
            return None
        then = next(made for at, _, made in reversed(self._notes) if at <= now - windows * WINDOW)
        return min((requests - then) / (windows * limit), 1.0)
