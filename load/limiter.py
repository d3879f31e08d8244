"""Intercom's rate limit, obeyed by all workers together.

Intercom counts every authenticated request in windows of ten seconds and says on each answer how many a
window holds, how many are left and when it ends (Intercom REST, rate limiting: X-RateLimit-Limit, -Remaining,
-Reset, the last in Unix seconds). So what may be started is what the server last said is left, less what is
under way and less what was lost and may have been counted. Limits differ by a factor of twenty between
workspaces and other programs use the same budget; both show in the headers.

Where answers do not tell, requests go out evenly, at a rate that refusals lower and quiet windows raise again.

After a refusal nobody starts until the window has ended; then one request asks alone whether it is over, and another
one each second as long as there is no answer.
"""

import functools
import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from load.clock import Clock, SystemClock

WINDOW = 10.0
"""Seconds; Intercom REST, rate limiting."""

START_BUDGET = 160
"""Requests per window until the server has said more: a little below 1,000 a minute, the lowest limit in common
use, since windows of ours that are not the server's may share one of its."""

MARGIN = 0.02
"""Seconds that we start later than a window's computed start."""

_PROBE_SECONDS = 1.0
_PUNCTUAL_WINDOWS = 6  # that began when we thought so, after which this is relied on again
_BUSY_SAMPLES = 64


class Ticket(NamedTuple):
    """Leave to start one request; to be given back with its answer.

    Attributes:
        window: our number of the window that it was started in.
        number: of the request.
        started: monotonic seconds.
        alone: it asks whether a refusal is over.
    """

    window: int
    number: int
    started: float
    alone: bool


@dataclass(frozen=True)
class Budget:
    """Where the limit stands.

    Attributes:
        limit: requests per window, as the server said or as they are tried.
        told: the server says so.
        started: requests of ours in this window.
        left: what the server has left of it, less what is under way.
        seconds: until the window ends.
        latency: seconds that an answer takes at least, as lately seen.
        busy: seconds that a worker needs at least for one request and what belongs to it, waiting for leave excluded.
    """

    limit: int
    told: bool
    started: int
    left: int
    seconds: float
    latency: float
    busy: float


class Limiter:
    """Lets requests start. Thread-safe; one per token.

    Args:
        start_budget: requests per window as long as no answer has named a limit.
        clock: where time comes from.
    """

    def __init__(self, *, start_budget: int = START_BUDGET, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._most_untold = float(start_budget)
        self._untold = float(start_budget)  # requests per window while answers do not tell
        self._limit = start_budget
        self._remaining = start_budget
        self._told = False
        self._seen = False
        self._ends: float | None = None  # monotonic
        self._reset = 0  # the server's word for the window that _remaining belongs to
        self._window = 0  # our own number of the window, to tell late answers from early ones
        self._assumed = False  # a new window has begun by our clock and the server has not said so yet
        self._early: int | None = None  # the latest window of ours that the server's had not begun when we thought so
        self._window_tells = [0, 0]  # answers of this window that did not tell the limit, and that did
        self._started = 0  # in this window
        self._number = 0
        self._under_way = 0
        self._lost: deque[int] = deque()  # numbers of the last request when one was lost that may have been counted
        self._reserve = 0  # kept free for other programs that were in our way
        self._crowded = False
        self._refusals = 0
        self._refused_at = 0  # number of the last request when the latest refusal came
        self._not_before = 0.0
        self._alone_until = 0.0  # monotonic; until then the one that asks whether a refusal is over is waited for
        self._next_untold = 0.0
        self._waiting = 0
        self._clocks = _Clocks(self._clock)
        self._latencies: deque[float] = deque(maxlen=_BUSY_SAMPLES)
        self._busy: deque[float] = deque(maxlen=_BUSY_SAMPLES)
        self._of_thread = threading.local()

    @property
    def limit(self) -> int | None:
        """Requests per window as the server said; None while it has not."""
        return self._limit if self._seen else None

    def budget(self) -> Budget:
        """Where the limit stands now."""
        with self._changed:
            now = self._clock.monotonic()
            return Budget(
                limit=self._limit if self._told else int(self._untold),
                told=self._told,
                started=self._started,
                left=max(self._left(), 0),
                seconds=max((self._ends or now) - now, 0.0),
                latency=min(self._latencies, default=0.0),
                busy=min(self._busy, default=0.0),
            )

    def acquire(self) -> Ticket:
        """Wait until a request may start. Returns the ticket to give back with the answer."""
        with self._changed:
            now = self._clock.monotonic()
            before = getattr(self._of_thread, "started", None)
            if before is not None:
                self._busy.append(now - before)
            while (seconds := self._delay(now)) > 0:
                self._waiting += 1
                self._clock.wait(self._changed, seconds)
                self._waiting -= 1
                now = self._clock.monotonic()
            self._of_thread.started = now
            return self._start(now)

    def try_acquire(self) -> tuple[Ticket | None, float]:
        """Like `acquire`, but returns (None, seconds to wait at most) instead of waiting."""
        with self._changed:
            now = self._clock.monotonic()
            if (seconds := self._delay(now)) > 0:
                return None, seconds
            return self._start(now), 0.0

    def answered(self, ticket: Ticket, headers: Mapping[str, str], *, refused: bool = False) -> None:
        """Take note of an answer.

        Args:
            ticket: from `acquire`.
            headers: of the answer; looked up by lower-case name.
            refused: it was a 429.
        """
        said = _said(headers)
        with self._changed:
            now = self._clock.monotonic()
            self._latencies.append(now - ticket.started)
            self._back(ticket)
            self._clocks.learn(ticket.started, now, headers.get("date"), None if said is None else said[2])
            full = self._left() <= self._limit // 10
            self._window_tells[said is not None] += 1
            if said is None:
                self._remaining -= 1
            else:
                while self._lost and self._lost[0] < ticket.number:
                    self._lost.popleft()
                self._note(ticket, now, *said)
            if refused:
                self._hold(ticket, now, told=said is not None, full=full)
            elif ticket.number > self._refused_at:
                self._refusals = 0
            self._wake()

    def unanswered(self, ticket: Ticket, *, arrived: bool = True) -> None:
        """Take note of a request without answer.

        Args:
            ticket: from `acquire`.
            arrived: the server may have counted it.
        """
        with self._changed:
            self._back(ticket)
            if arrived:
                self._lost.append(self._number)
            self._wake()

    def _start(self, now: float) -> Ticket:
        self._under_way += 1
        self._started += 1
        self._number += 1
        alone = self._in_doubt()
        if alone:
            self._alone_until = now + _PROBE_SECONDS
        if not self._told:
            self._next_untold = max(self._next_untold, now) + WINDOW / self._untold
        return Ticket(self._window, self._number, now, alone)

    def _in_doubt(self) -> bool:
        """Whether it is likely that the window has not ended yet."""
        return self._refusals > 0 or (self._early is not None and self._assumed)

    def _back(self, ticket: Ticket) -> None:
        self._under_way -= 1
        if ticket.alone:
            self._alone_until = 0.0

    def _wake(self) -> None:
        if self._waiting:
            self._changed.notify(max(self._left(), 1))

    def _left(self) -> int:
        """What may still be started in this window; never more than the whole, whatever late answers say."""
        by_word = self._remaining - self._under_way - len(self._lost)
        return min(by_word, self._limit - self._started) - self._reserve

    def _delay(self, now: float) -> float:
        if self._ends is None or now >= self._ends:
            self._roll(now)
        if now < self._not_before:
            return self._not_before - now
        if now < self._alone_until and self._in_doubt():
            return self._alone_until - now
        if not self._told:
            return max(self._next_untold - now, 0.0)
        if self._left() > 0:
            return 0.0
        return max((self._ends or now) - now, 0.001)

    def _roll(self, now: float) -> None:
        """A window has ended by our clock."""
        untold, told = self._window_tells
        if self._ends is not None and untold and not told:
            # What the server no longer tells cannot be relied on; what it told is an upper bound.
            if self._told:
                self._untold = min(self._most_untold, float(self._limit))
            elif not self._refusals:
                self._untold = min(self._most_untold, self._untold * 1.05 + 1)
            self._told = False
        self._window_tells = [0, 0]
        if self._early is not None and self._window - self._early >= _PUNCTUAL_WINDOWS and not self._assumed:
            self._early = None
        self._reserve = min(2 * self._reserve + 1, self._limit // 4) if self._crowded else self._reserve * 3 // 4
        self._crowded = False
        self._ends = now + WINDOW if self._ends is None else max(self._ends + WINDOW, now)
        self._remaining = self._limit
        self._started = 0
        self._window += 1
        self._assumed = True
        self._lost.clear()

    def _note(self, ticket: Ticket, now: float, limit: int, remaining: int, reset: int) -> None:
        # A clock that is far off must not stop us for longer than a window.
        ends = now + min(max(self._clocks.monotonic_of(reset) - now, 0.0), WINDOW + 1) + MARGIN
        if reset > self._reset:
            self._reset, self._limit, self._remaining, self._ends = reset, limit, remaining, ends
            if not self._assumed:
                # It began before we thought: what was started since cannot be told apart.
                self._started = self._under_way
                self._window += 1
            self._assumed, self._seen, self._told = False, True, True
        elif reset == self._reset and not self._assumed:
            self._limit, self._told = limit, True
            self._remaining = min(self._remaining, remaining)
            self._ends = min(self._ends or ends, ends)
        elif reset == self._reset and ticket.window == self._window:
            # Started after what we took for the window's end, counted by the server before it: we were early.
            self._remaining, self._ends, self._assumed = remaining, ends, False
            self._early = self._window

    def _hold(self, ticket: Ticket, now: float, *, told: bool, full: bool) -> None:
        """After a 429 nobody starts before the window ends; without headers, before a growing pause has."""
        if ticket.number <= self._refused_at:
            return  # one of many that were under way when the first was refused
        self._refused_at = self._number
        self._refusals += 1
        jitter = random.uniform(0, 0.25)  # noqa: S311 - spreads clients, protects nothing
        if told:
            self._crowded = self._crowded or full
            # The growing part is for a server whose word on the window's end is not to be relied on.
            pause = max((self._ends or now) - now, min(MARGIN * 2.0**self._refusals, WINDOW))
        else:
            pause = min(2.0 ** (self._refusals - 1), WINDOW)
            if not self._told:
                self._untold = max(self._untold / 2, 1.0)
        self._not_before = now + pause + jitter


class _Clocks:
    """The server's clock against ours, which is monotonic: nobody sets it while we run.

    Each answer bounds the difference: when it came the server's time was at least its Date header, which is cut to the
    second; when its request left, the window that it was counted in had not ended.
    """

    def __init__(self, clock: Clock) -> None:
        self._guess = clock.time() - clock.monotonic()
        self._least: float | None = None
        self._most: float | None = None

    def learn(self, sent: float, received: float, date: str | None, reset: int | None) -> None:
        most = None if reset is None else reset - sent
        least = _seconds(date) if date else None
        if least is not None:
            least -= received
            if self._least is None or least > self._least:
                self._least = least
        if most is not None and (self._most is None or most < self._most):
            self._most = most
        if self._least is not None and self._most is not None and self._least > self._most:
            # Somebody's clock was set, or the computer slept: only the newest word counts.
            self._least, self._most = least, most

    def monotonic_of(self, server: float) -> float:
        """When, by our clock, the server's will show this; a little late rather than early."""
        if self._least is not None:
            return server - self._least
        return server - (self._guess if self._most is None else min(self._guess, self._most))


@functools.lru_cache(maxsize=4)
def _seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _said(headers: Mapping[str, str]) -> tuple[int, int, int] | None:
    try:
        limit = int(headers["x-ratelimit-limit"])
        return max(limit, 1), int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-reset"])
    except (KeyError, ValueError):
        return None
