"""How fast a load is beside a bare httpx loop, and how much of the rate limit it uses.

Run by hand, on a computer that does nothing else; it takes about five minutes:

    BENCHMARKS=1 pytest -n 0 -s tests/benchmarks/test_load_speed.py
"""

import itertools
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from load import silence
from load.engine import Result, Tick, apply
from load.simulator import Workspace

sys.path.insert(0, str(Path(__file__).parents[1] / "load"))
from little_plan import WORKSPACE_ID, Ids, little_plan, seed, settings

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(3600),
    pytest.mark.skipif("BENCHMARKS" not in os.environ, reason="measures for minutes: set BENCHMARKS=1"),
]

THREADS = 32
TICKETS, ROUNDS = 200, 3
AT_LEAST_OF_BARE = 0.7
AT_LEAST_OF_BUDGET = 0.95
CONVERSATIONS = 5
REPLY = {
    "message_type": "comment",
    "type": "admin",
    "admin_id": "991267460",
    "body": "<p>Answer <b>1</b> of 17</p><div>with a division</div>",
    "created_at": 1_300_000_000,
    "skip_notifications": True,
}
SIMULATOR = """
import sys
from load.simulator import Options, run_forever
path, workspace_id, limit, latency = sys.argv[1:]
options = Options(workspace_id=workspace_id, rate_limit=int(limit), latency=float(latency))
run_forever(path, port=0, options=options, on_ready=lambda address: print(address, flush=True))
"""


class Speed(NamedTuple):
    """Requests a second, and processor time for each in ms."""

    rate: float
    cpu: float


@contextmanager
def running(*command: str) -> Iterator[str]:
    """A server in a process of its own; yields the address that it prints."""
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def bare(url: str, number: int) -> Speed:
    """Post and decode in a loop, in as many threads as the load has."""
    headers = {"Authorization": "Bearer made-up", "Intercom-Version": "2.16"}
    limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
    numbers = itertools.count()
    with httpx.Client(base_url=url, headers=headers, limits=limits) as client:

        def work() -> None:
            while next(numbers) < number:
                client.post("/conversations/5017/reply", json=REPLY).json()

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        started, cpu = time.monotonic(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    return Speed(number / seconds, cpu / number * 1000)


def load(url: str, folder: Path, ids: Ids, tickets: int, **more: int) -> tuple[Speed, Speed, Result]:
    """Apply a little plan; the speed of its conversations, that of the whole, and the result."""
    folder.mkdir()
    little_plan(ids, tickets=range(1, tickets + 1)).write(settings(folder, url).warehouse)
    seen: list[tuple[float, float, int]] = []

    def note(tick: Tick) -> None:
        if tick.phase == CONVERSATIONS and tick.done in {0, tick.total}:
            seen.append((time.monotonic(), time.process_time(), tick.figures["writes"] + tick.figures["reads"]))

    started, cpu = time.monotonic(), time.process_time()
    result = apply(settings(folder, url), on_tick=note, acknowledge=silence.ALL, **more)
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    assert result.exit_code == 0, result.reason
    all_of_it = result.figures["reads"] + result.figures["writes"]
    (begun, begun_cpu, before), (ended, ended_cpu, after) = seen[0], seen[-1]
    number = after - before
    within = Speed(number / (ended - begun), (ended_cpu - begun_cpu) / number * 1000)
    return within, Speed(all_of_it / seconds, cpu / all_of_it * 1000), result


def median(speeds: list[Speed]) -> Speed:
    return Speed(*(statistics.median(column) for column in zip(*speeds, strict=True)))


def test_a_load_is_nearly_as_fast_as_a_bare_loop(tmp_path: Path) -> None:
    with running(str(Path(__file__).with_name("constant_answers.py")), WORKSPACE_ID) as url:
        bare(url, 200)
        loops, loads, wholes = [], [], []
        for number in range(ROUNDS):
            loops.append(bare(url, 4000))
            within, whole, _ = load(url, tmp_path / str(number), Ids("1", "2", "3"), TICKETS, workers=THREADS)
            loads.append(within)
            wholes.append(whole)
    loop, ours, whole = median(loops), median(loads), median(wholes)
    print(  # noqa: T201 - the figures are what it is for
        f"\n{THREADS} threads: bare httpx {loop.rate:.0f}/s, {loop.cpu:.2f} ms; conversations {ours.rate:.0f}/s,"
        f" {ours.cpu:.2f} ms ({ours.rate / loop.rate:.0%} of the bare loop's speed); with plan, gate and receipts"
        f" {whole.rate:.0f}/s, {whole.cpu:.2f} ms"
    )
    assert ours.rate >= AT_LEAST_OF_BARE * loop.rate


@pytest.mark.parametrize("latency", [0.08, 0.3])
@pytest.mark.parametrize(("limit", "tickets"), [(166, 120), (1666, 1100)])
def test_the_budget_is_used_without_a_refusal(tmp_path: Path, limit: int, tickets: int, latency: float) -> None:
    store = tmp_path / "workspace.sqlite"
    with Workspace(store) as workspace:
        ids = seed(workspace)
    with running("-c", SIMULATOR, str(store), WORKSPACE_ID, str(limit), str(latency)) as url:
        _, whole, _ = load(url, tmp_path / "run", ids, tickets)
        counted = httpx.get(f"{url}/_simulator/limit").json()
    full = counted["windows"][1:]
    share = sum(full) / (limit * len(full))
    print(  # noqa: T201 - as above
        f"\n{limit} per 10 s, {latency * 1000:.0f} ms: {share:.1%} of the budget in {len(full)} windows {full},"
        f" {counted['refused']} refused, {whole.cpu:.2f} ms a request"
    )
    assert counted["refused"] == 0
    assert share >= AT_LEAST_OF_BUDGET
