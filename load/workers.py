"""How many lanes are worked on at a time: as many as it takes to use the budget, and no more.

A worker does nothing while its request is on the way, so it takes rate times duration of them (Little's law). The
rate is the limit's; the duration is what lately was the shortest time from one request of a worker to its next one,
which holds the way to Intercom and back and the ledger's part, and none of the waiting that too many workers would
cause each other.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from load.limiter import WINDOW, Limiter

Job = TypeVar("Job")

MOST = 64
"""Workers at a time at most; at Intercom's usual limit they are enough for answers that take 0.35 s."""

FEWEST = 4
"""With which it begins, and beside which the computed ones come: some wait for another lane, or for a retry."""

GAIN = 2.0
"""Times what the shortest duration asks for, since most durations are longer."""

FASTEST = 25_000 / 60
"""Requests a second that no workspace exceeds (Intercom REST, rate limiting: 25,000 a minute)."""

PERIOD = 0.5
"""Seconds between two looks at what is needed."""

BUSY_SHARE = 0.8
"""Of one processor, from which on more threads would only be in each other's way."""


class Workers:
    """Lets as many lanes run as the latency needs. Thread-safe.

    Args:
        limiter: knows the rate and the durations.
        fixed: so many in place of what is computed.
    """

    def __init__(self, limiter: Limiter, fixed: int | None = None) -> None:
        self.most = fixed or MOST
        self._fixed = fixed
        self._limiter = limiter
        self._free = threading.Condition()
        self._running = 0
        self._looking = False
        self._wanted = fixed or FEWEST
        self._looked_at = time.monotonic()
        self._cpu = time.process_time()

    @property
    def wanted(self) -> int:
        """Lanes at a time, at present."""
        return self._wanted

    def run(self, work: Callable[[Job], None], job: Job) -> None:
        """Do a job as soon as there is a place for one more."""
        with self._free:
            while self._running >= self._look():
                self._wait()
            self._running += 1
        try:
            work(job)
        finally:
            with self._free:
                self._running -= 1
                self._free.notify()

    def _wait(self) -> None:
        # One of those who wait looks now and then whether more are needed; the others sleep until they are called.
        if self._looking:
            self._free.wait()
            return
        self._looking = True
        try:
            self._free.wait(PERIOD)
        finally:
            self._looking = False
            self._free.notify(max(self._wanted - self._running, 1))

    def _look(self) -> int:
        now = time.monotonic()
        if self._fixed is None and now - self._looked_at >= PERIOD:
            cpu = time.process_time()
            saturated = (cpu - self._cpu) / (now - self._looked_at) > BUSY_SHARE
            self._looked_at, self._cpu = now, cpu
            needed = self.needed()
            # The budget's idle time between two windows must not make them fewer than the next one needs.
            self._wanted = min(needed, self._wanted) if saturated else needed
        return self._wanted

    def needed(self) -> int:
        """What rate and duration ask for."""
        budget = self._limiter.budget()
        lanes = min(budget.limit / WINDOW, FASTEST) * budget.busy * GAIN
        return min(FEWEST + round(lanes), self.most)
