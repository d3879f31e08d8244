"""What an operator sees: while a run goes on, from another terminal, and when something was left over."""

import io
import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rehearsals import Rehearsal, Rehearse, rehearsing
from rich.console import Console

from load.clock import SystemClock
from load.engine import Tick
from load.ledger import Ledger, exclusive, holder
from load.pace import Pace, Speed
from load.plan import make_plan
from load.progress import Display
from load.rollback.owned import Selection
from load.rollback.run import rollback
from load.simulator import Fault
from load.status import Status, read_status
from load.status_screen import next_step, rendered, watch

FIGURES = {"requests": 0, "rate_limited": 0, "retries": 0}


class HandClock(SystemClock):
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def left_over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """A load that has ended, in which Intercom refused a contact."""
    with rehearsing(tmp_path_factory.mktemp("left_over")) as rehearse:
        rehearsal = rehearse(tickets=range(1, 4))
        (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
        rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
        rehearsal.build()
        assert rehearsal.apply().exit_code == 4
        yield rehearsal


def shown(status: Status, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(rendered(status))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


# --- pace


def test_the_speed_is_that_of_the_last_minute() -> None:
    clock = HandClock()
    pace = Pace(10_000, clock)
    for second in range(600):
        done = min(second, 400) * 10 + max(second - 400, 0) * 2
        pace.note(done, done, 166)
        clock.now += 1
    assert pace.speed.per_second == pytest.approx(2)
    assert pace.speed.budget == pytest.approx(20 / 166)
    assert pace.speed.seconds_left == pytest.approx((10_000 - 4398) / 2)


def test_a_run_that_stands_still_has_no_time_left_to_tell() -> None:
    clock = HandClock()
    pace = Pace(100, clock)
    for _ in range(70):
        pace.note(50, 50, 166)
        clock.now += 1
    assert pace.speed == Speed(0.0, 0.0, None)


def test_what_was_given_up_is_not_waited_for() -> None:
    clock = HandClock()
    pace = Pace(100, clock)
    pace.note(0, 0, None)
    clock.now += 10
    pace.note(60, 60, None, given_up=30)
    assert pace.speed.seconds_left == pytest.approx(10 / 6)


def test_a_burst_at_the_start_of_a_window_is_not_more_than_the_budget() -> None:
    clock = HandClock()
    pace = Pace(1000, clock)
    for second in range(25):
        pace.note(0, 166 * (1 + second // 10), 166)
        clock.now += 1
    assert pace.speed.budget == pytest.approx(1.0)


# --- the display


def tick(**fields: Any) -> Tick:
    usual = Tick(5, "conversations", 10, 100, 30, FIGURES, 0, Speed(), None)
    return replace(usual, **fields)


def test_without_a_terminal_a_line_comes_every_ten_seconds_also_when_nothing_is_done() -> None:
    clock = HandClock()
    console = Console(file=io.StringIO(), width=60)
    with Display(console, clock=clock) as display:
        for _ in range(35):
            display.tick(tick(speed=Speed(0.0, 0.0, None), limit=166))
            clock.now += 1
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 4
    assert all("conversations: 10 of 100, nothing done in the last minute" in line for line in lines)


def test_a_line_tells_time_left_rate_budget_left_over_429s_and_retries() -> None:
    console = Console(file=io.StringIO(), width=60)
    figures = {"rate_limited": 3, "retries": 12}
    with Display(console, clock=HandClock()) as display:
        display.tick(tick(speed=Speed(158.2, 0.953, 4321), limit=1666, figures=figures, dead=2))
    assert console.file.getvalue() == (  # type: ignore[attr-defined]
        "22:13:20 conversations: 10 of 100, 1 h 12 min left, 158/s, 95% of the limit (1,666 per 10 s), "
        "2 left over, 3 x 429, 12 retried\n"
    )


@pytest.mark.parametrize("width", [40, 80, 200])
def test_on_a_terminal_of_any_width_nothing_is_cut_off(left_over: Rehearsal, width: int) -> None:
    with Ledger(None) as nothing:
        plan = make_plan(left_over.warehouse, nothing)
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with Display(console, clock=HandClock()) as display:
        display.announce(plan)
        display.tick(tick(speed=Speed(158.2, 0.953, 4321), limit=1666, figures={"rate_limited": 3}, dead=2))
    painted = re.split(r"\x1b\[[0-9;?]*[A-Za-z]", console.file.getvalue())  # type: ignore[attr-defined]
    text = " ".join("".join(painted).split())
    for part in ("definitions", "help centre", " 10/", " 30/", "1 h 12 min left", "95% of the limit", "3 x 429"):
        assert part in text


# --- status


@contextmanager
def going_on(rehearse: Rehearse) -> Iterator[tuple[Rehearsal, Callable[[], None]]]:
    """Stop a load in the middle of its third conversation, until it is told to go on."""
    arrived, go_on = threading.Event(), threading.Event()

    def wait_here(_seen: object) -> None:
        arrived.set()
        assert go_on.wait(60)

    fault = Fault("POST", "/conversations", nth=3, do=wait_here)  # type: ignore[arg-type]
    rehearsal = rehearse(tickets=range(1, 4), faults=(fault,))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            assert rehearsal.apply(workers=1).exit_code == 0
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            failures.append(error)

    load = threading.Thread(target=run)
    load.start()

    def finish() -> None:
        go_on.set()
        load.join()

    try:
        assert arrived.wait(60)
        yield rehearsal, finish
    finally:
        finish()
    assert failures == []


def test_a_status_of_a_run_that_goes_on_tells_each_phase(rehearse: Rehearse) -> None:
    with going_on(rehearse) as (rehearsal, finish):
        rehearsal.warehouse.rename(rehearsal.warehouse.with_suffix(".away"))  # it needs the ledger alone
        status = read_status(rehearsal.ledger)
        rehearsal.warehouse.with_suffix(".away").rename(rehearsal.warehouse)
        assert status.run is not None
        assert (status.run.state, status.unresolved) == ("running", 0)
        assert status.run.process is not None
        phases = {phase.name: phase for phase in status.run.phases}
        assert list(phases) == ["definitions", "companies", "contacts", "memberships", "conversations", "help centre"]
        assert (phases["contacts"].done, phases["contacts"].announced) == (5, 5)
        assert 0 < phases["conversations"].done < phases["conversations"].announced
        assert phases["help centre"].done == 0
        assert status.run.seconds_left is not None
        finish()
    status = read_status(rehearsal.ledger)
    assert status.run is not None
    assert status.run.state == "finished"
    assert all(phase.done == phase.announced for phase in status.run.phases)
    assert status.run.done == status.run.announced


def test_status_waits_for_no_writer_and_writes_nothing(left_over: Rehearsal) -> None:
    before = left_over.ledger.read_bytes()
    with closing(sqlite3.connect(left_over.ledger)) as writer:
        writer.execute("begin immediate")  # a run that writes at this moment
        assert read_status(left_over.ledger).run is not None
    assert left_over.ledger.read_bytes() == before


def test_a_run_can_begin_while_others_ask_for_its_status(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with exclusive(ledger):
        pass
    ledger.touch()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            holder(ledger)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(20):
            with exclusive(ledger):
                pass
    finally:
        stop.set()
        for thread in asking:
            thread.join()


def test_a_ledger_of_an_earlier_version_is_read(left_over: Rehearsal, tmp_path: Path) -> None:
    ledger = Path(shutil.copy(left_over.ledger, tmp_path))
    with closing(sqlite3.connect(ledger)) as db, db:
        if "selection" in {name for _, name, *_ in db.execute("pragma table_info(runs)")}:
            db.execute("alter table runs drop column selection")
        db.execute('update runs set announced = \'{"1": {"tag.create": 2}}\'')
    status = read_status(ledger)
    assert status.run is not None
    assert [(phase.name, phase.announced) for phase in status.run.phases] == [("1", 2)]


def test_what_is_left_over_is_shown_with_the_way_out_and_few_of_those_that_wait(left_over: Rehearsal) -> None:
    status = read_status(left_over.ledger)
    text = " ".join(shown(status, width=400).split())
    (letter,) = (letter for letter in status.first if letter.reason == "refused")
    assert f"What to do: {letter.way_out}. contact/u2: refused: 400" in text
    assert f"(request {letter.request_id})" in text
    assert text.count("waits for contact/u2") == 3
    assert status.first[0] == letter
    assert "more: table dead_letters" in text
    assert "--retry-failed" in (next_step(status) or "")


def test_a_rollback_is_called_one_and_its_phases_have_names(left_over: Rehearsal, tmp_path: Path) -> None:
    settings = replace(left_over.settings, ledger=Path(shutil.copy(left_over.ledger, tmp_path)), log=None)
    result = rollback(settings, Selection(phase=7), clock=left_over.clock)
    status = read_status(settings.ledger)
    assert status.run is not None
    assert (status.run.run_id, status.run.is_rollback) == (result.run_id, True)
    assert [phase.name for phase in status.run.phases] == ["help centre"]
    assert f"Rollback {result.run_id}" in shown(status)
    assert (next_step(status) or "").endswith(" plan  (no build is needed)")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_status_fits_a_terminal_of_any_width(left_over: Rehearsal, width: int) -> None:
    text = shown(read_status(left_over.ledger), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "conversations" in text
    assert "…" not in text


def test_watching_goes_on_until_the_run_has_ended(rehearse: Rehearse) -> None:
    looks: list[str] = []
    clock = HandClock()
    console = Console(file=io.StringIO(), width=80)
    with going_on(rehearse) as (rehearsal, finish):

        def look() -> Status:
            if len(looks) == 2:
                finish()
            status = read_status(rehearsal.ledger)
            looks.append(status.run.state if status.run else "")
            return status

        last = watch(look, console, seconds=2.0, clock=clock, as_json=True)
    assert looks == ["running", "running", "finished"]
    assert clock.now == 1_700_000_004.0
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [json.loads(line)["run"]["state"] for line in lines] == looks
    assert last.run is not None
    assert last.run.state == "finished"
