"""Intercom's rate limit, obeyed by all workers together.

Intercom counts every authenticated request in windows of ten seconds and says on each answer how many a
window holds, how many are left and when it ends (Intercom REST, rate limiting: X-RateLimit-Limit, -Remaining,
-Reset, the last in Unix seconds). So the limiter counts nothing that the server tells: what may be started is
what the server last said is left, less what is under way. Limits differ by a factor of twenty between
workspaces and other programs use the same budget; both show in the headers.
"""

import random
import threading
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from load.clock import Clock, SystemClock

WINDOW = 10.0
"""Seconds; Intercom REST, rate limiting."""

START_BUDGET = 166
"""Requests per window until the server has said more: 1,000 a minute, the lowest limit in common use."""

MARGIN = 0.02
"""Seconds that we start later than a window's computed start."""


class Limiter:
    """Lets requests start. Thread-safe; one per token.

    Args:
        start_budget: requests per window as long as no answer has named a limit.
        clock: where time comes from.
    """

    def __init__(self, *, start_budget: int = START_BUDGET, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._limit = start_budget
        self._remaining = start_budget
        self._ends: float | None = None  # monotonic
        self._reset = 0  # the server's word for the window that _remaining belongs to
        self._window = 0  # our own number of the window, to tell late answers from early ones
        self._assumed = False  # a new window has begun by our clock and the server has not said so yet
        self._under_way = 0
        self._refusals = 0
        self._offset: float | None = None  # server's clock less ours; a lower bound, so that we are late, not early
        self._seen = False

    @property
    def limit(self) -> int | None:
        """Requests per window as the server said; None while it has not."""
        return self._limit if self._seen else None

    def acquire(self) -> int:
        """Wait until a request may start. Returns the ticket to give back with the answer."""
        with self._changed:
            while (seconds := self._delay()) > 0:
                self._clock.wait(self._changed, seconds)
            self._under_way += 1
            return self._window

    def try_acquire(self) -> tuple[int | None, float]:
        """Like `acquire`, but returns (None, seconds to wait at most) instead of waiting."""
        with self._changed:
            if (seconds := self._delay()) > 0:
                return None, seconds
            self._under_way += 1
            return self._window, 0.0

    def answered(self, ticket: int, headers: Mapping[str, str], *, refused: bool = False) -> None:
        """Take note of an answer.

        Args:
            ticket: from `acquire`.
            headers: of the answer; looked up by lower-case name.
            refused: it was a 429.
        """
        with self._changed:
            self._under_way -= 1
            said = _said(headers)
            self._learn_offset(headers)
            if said is None:
                self._remaining -= 1
            else:
                self._note(ticket, *said)
            if refused:
                self._hold(told=said is not None)
            else:
                self._refusals = 0
            self._changed.notify_all()

    def unanswered(self) -> None:
        """Take note of a request without answer: the server may have counted it."""
        with self._changed:
            self._under_way -= 1
            self._remaining -= 1
            self._changed.notify_all()

    def _delay(self) -> float:
        now = self._clock.monotonic()
        if self._ends is None:
            self._ends = now + WINDOW
        if now >= self._ends:
            self._ends = max(self._ends + WINDOW, now)
            self._remaining = self._limit
            self._window += 1
            self._assumed = True
        if self._remaining - self._under_way > 0:
            return 0.0
        return max(self._ends - now, 0.001)

    def _note(self, ticket: int, limit: int, remaining: int, reset: int) -> None:
        now = self._clock.monotonic()
        seconds = reset - (self._clock.time() + (self._offset or 0.0))
        # A clock that is far off must not stop us for longer than a window.
        ends = now + min(max(seconds, 0.0), WINDOW + 1) + MARGIN
        if reset > self._reset:
            self._reset, self._limit, self._remaining, self._ends = reset, limit, remaining, ends
            self._assumed, self._seen = False, True
        elif reset == self._reset and not self._assumed:
            self._limit = limit
            self._remaining = min(self._remaining, remaining)
            self._ends = min(self._ends or ends, ends)
        elif reset == self._reset and ticket == self._window:
            # Started after what we took for the window's end, counted by the server before it: we were early.
            self._remaining, self._ends, self._assumed = remaining, ends, False

    def _hold(self, *, told: bool) -> None:
        """After a 429 nobody starts before the window ends; without headers, before a growing pause has."""
        self._refusals += 1
        jitter = random.uniform(0, 0.25)  # noqa: S311 - spreads clients, protects nothing
        if not told:
            self._ends = self._clock.monotonic() + min(2.0 ** (self._refusals - 1), WINDOW) + jitter
        elif self._refusals == 1 and self._ends is not None:
            self._ends += jitter
        self._remaining = 0

    def _learn_offset(self, headers: Mapping[str, str]) -> None:
        """The server's time is at least its Date header, cut to the second: the largest difference is best."""
        date = headers.get("date")
        if not date:
            return
        try:
            server = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        offset = server - self._clock.time()
        if self._offset is None or offset > self._offset:
            self._offset = offset


def _said(headers: Mapping[str, str]) -> tuple[int, int, int] | None:
    try:
        limit = int(headers["x-ratelimit-limit"])
        return max(limit, 1), int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-reset"])
    except (KeyError, ValueError):
        return None
