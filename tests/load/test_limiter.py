"""The whole budget and no refusal of our own making, with a clock that nobody waits for."""

import heapq
import random
import threading
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from load.limiter import Limiter

WORKERS = 8


class FakeClock:
    """Time that is set; the server's runs `ahead` of ours."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.now = 1_700_000_003.3
        self.ahead = ahead

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - 1_000_000

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, condition: threading.Condition, seconds: float) -> None:  # noqa: ARG002 - as Clock has it
        raise AssertionError("a single thread does not wait")


@dataclass
class Server:
    """Counts as Intercom does: fixed windows of ten seconds by its own clock."""

    clock: FakeClock
    limit: int
    tells: bool = True
    dates: bool = True
    window: int = 0
    used: int = 0
    refused: int = 0
    per_window: dict[int, int] = field(default_factory=dict)

    def take(self, others: int = 0) -> tuple[dict[str, str], bool]:
        now = self.clock.now + self.clock.ahead
        if int(now // 10) != self.window:
            self.window, self.used = int(now // 10), 0
        self.used = min(self.used + others, self.limit)
        within = self.used < self.limit
        self.used += within
        self.refused += not within
        self.per_window[self.window] = self.per_window.get(self.window, 0) + within
        headers = {"date": formatdate(now, usegmt=True)} if self.dates else {}
        if self.tells:
            headers |= {
                "x-ratelimit-limit": str(self.limit),
                "x-ratelimit-remaining": str(self.limit - self.used),
                "x-ratelimit-reset": str((self.window + 1) * 10),
            }
        return headers, not within


def run(
    limiter: Limiter, clock: FakeClock, server: Server, seconds: float, latency: float, others: float = 0.0
) -> None:
    """Eight workers that ask again as soon as they are answered; answers take different times."""
    chance = random.Random(1)  # noqa: S311
    end = clock.now + seconds
    free = WORKERS
    answers: list[tuple[float, int, int, dict[str, str], bool]] = []
    arrivals: list[tuple[float, int, int]] = []
    number = 0
    while clock.now < end:
        started = False
        seconds_left = 0.01
        if free:
            ticket, seconds_left = limiter.try_acquire()
            if ticket is not None:
                started, free, number = True, free - 1, number + 1
                heapq.heappush(arrivals, (clock.now + latency * chance.uniform(0.2, 0.6), number, ticket))
        if started:
            continue
        events = [heap[0][0] for heap in (arrivals, answers) if heap]
        clock.now = min([*events, clock.now + max(seconds_left, 0.001)])
        while arrivals and arrivals[0][0] <= clock.now:
            _, mine, ticket = heapq.heappop(arrivals)
            headers, refused = server.take(others=int(chance.random() < others))
            at = clock.now + latency * chance.uniform(0.2, 0.6)
            heapq.heappush(answers, (at, mine, ticket, headers, refused))
        while answers and answers[0][0] <= clock.now:
            _, _, ticket, headers, refused = heapq.heappop(answers)
            limiter.answered(ticket, headers, refused=refused)
            free += 1


@pytest.mark.parametrize("limit", [83, 166, 1666])
@pytest.mark.parametrize("ahead", [0.0, 0.4, -0.7, 3000.0])
def test_the_budget_is_used_and_never_exceeded(limit: int, ahead: float) -> None:
    clock = FakeClock(ahead)
    server = Server(clock, limit)
    latency = 0.03 if limit > 1000 else 0.1
    run(Limiter(clock=clock), clock, server, 95.0, latency)
    full = list(server.per_window.values())[1:-1]
    assert server.refused == 0
    assert sum(full) >= 0.95 * limit * len(full)


def test_other_clients_of_the_same_budget_are_made_room_for() -> None:
    clock = FakeClock()
    server = Server(clock, 166)
    run(Limiter(clock=clock), clock, server, 95.0, 0.1, others=0.5)
    # What others take between two answers cannot be known.
    assert server.refused <= 3 * len(server.per_window)
    assert sum(server.per_window.values()) > 60 * len(server.per_window)


def test_a_limit_that_changes_is_followed() -> None:
    clock = FakeClock()
    server = Server(clock, 166)
    limiter = Limiter(clock=clock)
    run(limiter, clock, server, 25.0, 0.1)
    server.limit = 500
    run(limiter, clock, server, 25.0, 0.05)
    assert limiter.limit == 500
    assert max(server.per_window.values()) > 400


def test_without_headers_the_start_rate_stays_safe() -> None:
    clock = FakeClock()
    server = Server(clock, 10_000, tells=False)
    limiter = Limiter(clock=clock)
    start = clock.now
    run(limiter, clock, server, 60.0, 0.05)
    assert limiter.limit is None
    assert sum(server.per_window.values()) <= 166 * ((clock.now - start) / 10 + 1)


def test_after_a_refusal_nobody_starts_before_the_window_ends() -> None:
    clock = FakeClock()
    limiter = Limiter(clock=clock)
    ticket = limiter.acquire()
    told = {"x-ratelimit-limit": "166", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000010"}
    limiter.answered(ticket, told, refused=True)
    again, seconds = limiter.try_acquire()
    assert again is None
    assert 6.7 <= seconds <= 7.1


def test_after_a_refusal_without_headers_the_pause_grows() -> None:
    clock = FakeClock()
    limiter = Limiter(clock=clock)
    pauses = []
    for _ in range(4):
        ticket, _ = limiter.try_acquire()
        assert ticket is not None
        limiter.answered(ticket, {}, refused=True)
        _, seconds = limiter.try_acquire()
        pauses.append(seconds)
        clock.now += seconds
    assert pauses == sorted(pauses)
    assert pauses[0] >= 1.0
    assert pauses[-1] >= 8.0


def test_a_request_without_answer_counts_as_used() -> None:
    limiter = Limiter(start_budget=2, clock=FakeClock())
    for _ in range(2):
        assert limiter.try_acquire()[0] is not None
        limiter.unanswered()
    assert limiter.try_acquire()[0] is None
