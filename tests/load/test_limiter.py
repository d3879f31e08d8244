"""The whole budget and no refusal of our own making, with a clock that nobody waits for."""

import heapq
import random
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from load.limiter import Limiter, Ticket

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
    limiter: Limiter,
    clock: FakeClock,
    server: Server,
    seconds: float,
    latency: float,
    *,
    others: float = 0.0,
    workers: int = WORKERS,
    lost: float = 0.0,
) -> None:
    """Workers that ask again as soon as they are answered; answers take different times.

    Args:
        limiter: of all workers.
        clock: is moved.
        server: asked.
        seconds: how long.
        latency: seconds that an answer takes on average.
        others: requests a second that another program makes.
        workers: their number.
        lost: share of the answers that never come.
    """
    chance = random.Random(1)  # noqa: S311
    end = clock.now + seconds
    free = workers
    answers: list[tuple[float, int, Ticket, dict[str, str], bool]] = []
    arrivals: list[tuple[float, int, Ticket]] = []
    number = 0
    taken = 0.0
    while clock.now < end:
        started = False
        seconds_left = 0.01
        if free:
            ticket, seconds_left = limiter.try_acquire()
            if ticket is not None:
                started, free, number = True, free - 1, number + 1
                heapq.heappush(arrivals, (clock.now + latency * chance.uniform(0.3, 0.7), number, ticket))
        if started:
            continue
        events = [heap[0][0] for heap in (arrivals, answers) if heap]
        clock.now = min([*events, clock.now + max(seconds_left, 0.001)])
        while arrivals and arrivals[0][0] <= clock.now:
            _, mine, ticket = heapq.heappop(arrivals)
            between = int(others * (clock.now - end + seconds) - taken)
            taken += between
            headers, refused = server.take(others=between)
            at = clock.now + latency * chance.uniform(0.3, 0.7)
            heapq.heappush(answers, (at, mine, ticket, headers, refused))
        while answers and answers[0][0] <= clock.now:
            _, _, ticket, headers, refused = heapq.heappop(answers)
            if chance.random() < lost:
                limiter.unanswered(ticket)
            else:
                limiter.answered(ticket, headers, refused=refused)
            free += 1


def used(server: Server) -> float:
    """Share of the limit that was used, in whole windows."""
    full = list(server.per_window.values())[1:-1]
    return sum(full) / (server.limit * len(full))


# As many workers as the latency needs at that limit, and twice as many.
NEEDED = [(83, 0.1, 2), (166, 0.08, 3), (166, 0.3, 10), (1666, 0.08, 30), (1666, 0.3, 64), (1666, 1.0, 220)]


@pytest.mark.parametrize(("limit", "latency", "workers"), NEEDED)
@pytest.mark.parametrize("ahead", [0.0, 0.4, -0.7, 3000.0])
def test_the_budget_is_used_and_never_exceeded(limit: int, latency: float, workers: int, ahead: float) -> None:
    clock = FakeClock(ahead)
    server = Server(clock, limit)
    run(Limiter(clock=clock), clock, server, 155.0 if limit < 1000 else 55.0, latency, workers=workers)
    assert server.refused == 0
    assert used(server) >= 0.95


def test_many_more_workers_than_needed_exceed_nothing() -> None:
    clock = FakeClock(-0.7)
    server = Server(clock, 166)
    run(Limiter(clock=clock), clock, server, 155.0, 0.3, workers=64)
    assert server.refused == 0
    assert used(server) >= 0.95


@pytest.mark.parametrize("ahead", [0.0, -0.6, -3.0])
def test_a_clock_that_is_ahead_of_a_server_without_dates_costs_few_refusals(ahead: float) -> None:
    random.seed(1)
    clock = FakeClock(ahead)
    server = Server(clock, 166, dates=False)
    run(Limiter(clock=clock), clock, server, 155.0, 0.1)
    assert server.refused <= WORKERS + 15
    assert used(server) >= 0.95


@pytest.mark.parametrize("step", [-40.0, 40.0])
def test_a_server_whose_clock_is_set_is_followed(step: float) -> None:
    clock = FakeClock()
    server = Server(clock, 166)
    limiter = Limiter(clock=clock)
    run(limiter, clock, server, 33.0, 0.1)
    clock.ahead, server.per_window = step, {}
    run(limiter, clock, server, 155.0, 0.1)
    assert server.refused <= 2 * WORKERS
    assert sum(server.per_window.values()) >= 0.85 * 166 * 15


@pytest.mark.parametrize(("limit", "others", "latency"), [(166, 8.3, 0.1), (166, 4.0, 0.3), (1666, 83.0, 0.1)])
def test_other_programs_of_the_same_budget_are_made_room_for(limit: int, others: float, latency: float) -> None:
    clock = FakeClock()
    server = Server(clock, limit)
    run(Limiter(clock=clock), clock, server, 205.0, latency, others=others, workers=32)
    # What others take between two answers cannot be known.
    assert server.refused <= 2 * len(server.per_window)
    assert used(server) >= 0.95 - others * 10 / limit


def test_what_other_programs_no_longer_use_is_used() -> None:
    clock = FakeClock()
    server = Server(clock, 166)
    limiter = Limiter(clock=clock)
    run(limiter, clock, server, 100.0, 0.1, others=8.3)
    server.per_window, server.refused = {}, 0
    run(limiter, clock, server, 155.0, 0.1)
    assert server.refused == 0
    assert used(server) >= 0.95


def test_lost_answers_cost_no_budget_and_exceed_nothing() -> None:
    clock = FakeClock()
    server = Server(clock, 166)
    run(Limiter(clock=clock), clock, server, 155.0, 0.1, lost=0.1)
    assert server.refused == 0
    assert used(server) >= 0.95


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
    run(limiter, clock, server, 60.0, 0.05)
    assert limiter.limit is None
    assert max(server.per_window.values()) <= 166
    assert used(server) >= 0.95 * 160 / 10_000


def test_without_headers_refusals_lower_the_rate_and_quiet_raises_it_again() -> None:
    clock = FakeClock()
    server = Server(clock, 50, tells=False)
    limiter = Limiter(clock=clock)
    run(limiter, clock, server, 305.0, 0.05)
    assert server.refused <= len(server.per_window)
    assert used(server) >= 0.5
    server.limit, server.per_window = 1000, {}
    run(limiter, clock, server, 305.0, 0.05)
    assert max(server.per_window.values()) >= 140


def test_headers_that_stay_away_lead_back_to_the_safe_rate_and_are_heard_again() -> None:
    clock = FakeClock()
    server = Server(clock, 1666)
    limiter = Limiter(clock=clock)
    run(limiter, clock, server, 25.0, 0.05, workers=32)
    server.tells, server.per_window = False, {}
    run(limiter, clock, server, 45.0, 0.05, workers=32)
    assert max(list(server.per_window.values())[2:]) <= 166
    server.tells, server.per_window = True, {}
    run(limiter, clock, server, 45.0, 0.05, workers=32)
    assert used(server) >= 0.95
    assert server.refused == 0


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


def told(limiter: Limiter, left: int) -> None:
    """Let an answer say how many are left in the window of this second."""
    ticket, _ = limiter.try_acquire()
    assert ticket is not None
    headers = {"x-ratelimit-limit": "166", "x-ratelimit-remaining": str(left), "x-ratelimit-reset": "1700000010"}
    limiter.answered(ticket, headers)


def test_a_request_without_answer_counts_as_used_until_a_later_answer_says_what_is_left() -> None:
    limiter = Limiter(clock=FakeClock())
    told(limiter, 3)
    for _ in range(2):
        ticket, _ = limiter.try_acquire()
        assert ticket is not None
        limiter.unanswered(ticket)
    told(limiter, 2)
    assert limiter.budget().left == 2


def test_a_request_that_never_left_does_not_count() -> None:
    limiter = Limiter(clock=FakeClock())
    told(limiter, 1)
    ticket, _ = limiter.try_acquire()
    assert ticket is not None
    limiter.unanswered(ticket, arrived=False)
    assert limiter.try_acquire()[0] is not None


def test_after_a_refusal_one_asks_alone_whether_it_is_over() -> None:
    clock = FakeClock()
    limiter = Limiter(clock=clock)
    told(limiter, 100)
    tickets = [limiter.acquire() for _ in range(3)]
    for ticket in tickets:
        limiter.answered(ticket, {}, refused=True)
    clock.now += limiter.try_acquire()[1]
    alone, _ = limiter.try_acquire()
    assert alone is not None
    assert limiter.try_acquire()[0] is None

    headers = {"x-ratelimit-limit": "166", "x-ratelimit-remaining": "90", "x-ratelimit-reset": "1700000010"}
    limiter.answered(alone, headers)

    assert limiter.try_acquire()[0] is not None


def test_one_that_asks_alone_and_is_slow_holds_the_others_for_a_second_and_only_while_there_is_doubt() -> None:
    clock = FakeClock()
    limiter = Limiter(clock=clock)

    def ask(reset: int) -> Ticket:
        ticket, _ = limiter.try_acquire()
        assert ticket is not None
        headers = {"x-ratelimit-limit": "166", "x-ratelimit-remaining": "165", "x-ratelimit-reset": str(reset)}
        limiter.answered(ticket, headers)
        return ticket

    reset = 1_700_000_010
    ask(reset)
    clock.now = reset + 0.1
    ask(reset)  # by the server's clock its window has not ended
    clock.now = reset + 1
    slow, _ = limiter.try_acquire()
    assert slow is not None
    assert slow.alone
    assert limiter.try_acquire() == (None, 1.0)
    clock.now += 1.0
    assert ask(reset + 10).alone
    assert not ask(reset + 10).alone

    for window in range(2, 9):
        clock.now = reset + window * 10 - 9
        last = ask(reset + window * 10)
    assert not last.alone


def test_those_who_wait_are_let_go_by_an_answer() -> None:
    limiter = Limiter()
    ticket = limiter.acquire()
    reset = str(int(time.time()) + 10)
    headers = {"x-ratelimit-limit": "166", "x-ratelimit-remaining": "1", "x-ratelimit-reset": reset}
    limiter.answered(ticket, headers)
    last = limiter.acquire()
    started = threading.Event()
    waiter = threading.Thread(target=lambda: (limiter.acquire(), started.set()), daemon=True)
    waiter.start()
    assert not started.is_set()
    limiter.unanswered(last, arrived=False)
    assert started.wait(9)
