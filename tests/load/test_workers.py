"""As many lanes at a time as the latency needs."""

import threading

import pytest

from load import workers as module
from load.limiter import Budget, Limiter
from load.workers import FEWEST, MOST, Workers


class Told(Limiter):
    """A limiter whose figures are set."""

    def __init__(self, limit: int, busy: float) -> None:
        super().__init__()
        self.limit_told, self.busy = limit, busy

    def budget(self) -> Budget:
        return Budget(self.limit_told, True, 0, self.limit_told, 10.0, self.busy, self.busy)


@pytest.mark.parametrize(
    ("limit", "busy", "at_least", "at_most"),
    [
        (166, 0.08, 2, 10),
        (166, 0.3, 5, 16),
        (1666, 0.08, 14, 40),
        (1666, 0.3, 50, MOST),
        (1666, 2.0, MOST, MOST),
        (1_000_000, 0.002, FEWEST, 10),
    ],
)
def test_it_takes_rate_times_duration_and_some_more(limit: int, busy: float, at_least: int, at_most: int) -> None:
    needed = Workers(Told(limit, busy)).needed()
    assert at_least <= needed <= at_most
    assert needed >= min(limit, 4_167) / 10 * busy or needed == MOST


def crowd(workers: Workers, jobs: int) -> list[int]:
    """Give it jobs that end when as many run as may; returns how many ran at a time, whenever one began."""
    running = 0
    seen: list[int] = []
    lock = threading.Lock()
    all_in = threading.Event()

    def work(_job: int) -> None:
        nonlocal running
        with lock:
            running += 1
            seen.append(running)
            if running >= min(workers.wanted, jobs):
                all_in.set()
        all_in.wait(10)
        with lock:
            running -= 1

    threads = [threading.Thread(target=workers.run, args=(work, job)) for job in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_a_fixed_number_is_kept() -> None:
    seen = crowd(Workers(Told(1666, 1.0), fixed=3), 20)
    assert max(seen) == 3
    assert len(seen) == 20


def test_more_are_let_in_while_those_before_are_still_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.01)
    monkeypatch.setattr(module, "BUSY_SHARE", 100.0)  # this test's own threads may keep the processor busy
    limiter = Told(166, 0.01)
    workers = Workers(limiter)
    entered = threading.Semaphore(0)
    leave = threading.Event()

    def work(_job: int) -> None:
        entered.release()
        leave.wait(20)

    threads = [threading.Thread(target=workers.run, args=(work, job)) for job in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(FEWEST):
        assert entered.acquire(timeout=10)
    limiter.limit_told, limiter.busy = 1666, 0.05
    for _ in range(20 - FEWEST):
        assert entered.acquire(timeout=10)
    leave.set()
    for thread in threads:
        thread.join()


def test_a_processor_that_is_busy_gets_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.0)
    monkeypatch.setattr(module, "BUSY_SHARE", -1.0)
    assert max(crowd(Workers(Told(1666, 1.0)), 20)) == FEWEST


def test_a_job_that_fails_gives_its_place_back() -> None:
    workers = Workers(Told(166, 0.1), fixed=1)

    def fail(_job: int) -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            workers.run(fail, 1)
