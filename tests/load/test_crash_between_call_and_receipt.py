"""Killed at any moment, resumed: the workspace is as if nothing had happened."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rehearsals import Rehearsal, Rehearse

from load.simulator import Fault
from load.simulator.faults import Seen

SCRIPT = Path(__file__).parent / "apply_in_a_process.py"
KINDS = [
    ("POST", "/conversations/attributes", 2),
    ("POST", "/data_attributes", 1),
    ("POST", "/tags", 1),
    ("POST", "/companies", 2),
    ("POST", "/contacts", 3),
    ("POST", "/contacts/{contact_id}/companies", 2),
    ("POST", "/conversations", 4),
    ("POST", "/conversations/{conversation_id}/customers", 1),
    ("POST", "/conversations/{conversation_id}/reply", 8),
    ("PUT", "/conversations/{conversation_id}", 3),
    ("POST", "/conversations/{conversation_id}/tags", 3),
    ("POST", "/conversations/{conversation_id}/parts", 5),
    ("POST", "/conversations/{conversation_id}/parts", 12),
    ("POST", "/help_center/collections", 1),
    ("POST", "/help_center/collections", 2),
    ("POST", "/articles", 1),
    ("POST", "/articles", 2),
]


class Victim:
    """A loader in a process of its own."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def start(self, rehearsal: Rehearsal) -> None:
        command = [sys.executable, str(SCRIPT), str(rehearsal.folder), rehearsal.base_url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def kill(self, _seen: object = None) -> str:
        """For a fault: what the simulator is to do."""
        assert self.process is not None
        return f"kill:{self.process.pid}"

    def wait(self) -> int:
        assert self.process is not None
        output, _ = self.process.communicate(timeout=120)
        assert self.process.returncode is not None
        return self.process.returncode if self.process.returncode <= 0 else _fail(output)


def _fail(output: str) -> int:
    raise AssertionError(output)


def kill_at(victim: Victim, method: str, path: str, nth: int, when: str) -> tuple[Fault, ...]:
    do: Callable[[Any], str] = victim.kill
    return (Fault(method, path, nth=nth, when=when, do=do),)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "path", "nth"), KINDS, ids=lambda value: str(value).replace("/", " ").strip())
def test_killed_after_intercom_has_it_and_before_we_know(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]], method: str, path: str, nth: int
) -> None:
    victim = Victim()
    rehearsal = rehearse(faults=kill_at(victim, method, path, nth, "after_commit"))
    victim.start(rehearsal)
    assert victim.wait() == -signal.SIGKILL
    result = rehearsal.apply()
    assert (result.state, result.exit_code) == ("finished", 0)
    assert rehearsal.content() == undisturbed
    assert rehearsal.apply().plan.total == 0


@pytest.mark.parametrize(
    ("path", "nth"), [("/contacts", 3), ("/conversations", 4), ("/conversations/{conversation_id}/reply", 8)]
)
def test_killed_before_intercom_has_it(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]], path: str, nth: int
) -> None:
    victim = Victim()
    rehearsal = rehearse(faults=kill_at(victim, "POST", path, nth, "before"))
    victim.start(rehearsal)
    assert victim.wait() == -signal.SIGKILL
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.content() == undisturbed


def test_killed_three_times_in_the_middle(rehearse: Rehearse, undisturbed: list[dict[str, Any]]) -> None:
    victim = Victim()
    faults = tuple(
        Fault("*", "/conversations.*", nth=nth, do=lambda _seen: _kill_and_go_on(victim)) for nth in (7, 25, 55)
    )
    rehearsal = rehearse(faults=faults)
    for _ in range(3):
        victim.start(rehearsal)
        assert victim.wait() == -signal.SIGKILL
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.content() == undisturbed


def _kill_and_go_on(victim: Victim) -> str:
    """The process dies while its requests, this one and those of its other workers, are still being worked on."""
    assert victim.process is not None
    os.kill(victim.process.pid, signal.SIGKILL)
    return "delay:0"


def test_a_found_conversation_is_not_written_again(rehearse: Rehearse) -> None:
    victim = Victim()
    rehearsal = rehearse(faults=kill_at(victim, "POST", "/conversations", 4, "after_commit"))
    victim.start(rehearsal)
    victim.wait()
    before = rehearsal.accepted()
    result = rehearsal.apply()
    assert result.found >= 1
    assert rehearsal.accepted() - before == sum(result.written.values()) == result.plan.total


@pytest.mark.parametrize("do", ["drop", "status:500", "status:502", "status:503", "status:504"])
@pytest.mark.parametrize("when", ["before", "after_commit"])
def test_an_answer_that_is_lost_costs_nothing(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]], do: str, when: Any
) -> None:
    faults = tuple(Fault(method, path, nth=nth, when=when, do=do) for method, path, nth in KINDS)
    rehearsal = rehearse(faults=faults)
    result = rehearsal.apply()
    assert (result.state, result.exit_code, dict(result.left_over)) == ("finished", 0, {})
    assert rehearsal.content() == undisturbed
    assert result.figures["lost"] == len(KINDS)
    assert rehearsal.apply().plan.total == 0


def test_equal_replies_of_the_same_second_are_told_apart(rehearse: Rehearse) -> None:
    def twins(rehearsal: Rehearsal) -> None:
        first, second = (line for line in rehearsal.plan.lines if "/part/a1-" in line.slot and "-3" not in line.slot)
        payload = {**first.payload, "body": "<p>Same words</p>"}
        for line in (first, second):
            rehearsal.plan.change(line.slot, payload=payload, content=line.slot)
        rehearsal.build()

    quiet = rehearse(build=False, tickets=range(1, 2))
    twins(quiet)
    quiet.apply()
    for nth in (1, 2):
        fault = Fault("POST", "/conversations/{conversation_id}/reply", nth=nth, when="after_commit")
        loud = rehearse(build=False, tickets=range(1, 2), faults=(fault,))
        twins(loud)
        assert loud.apply().exit_code == 0
        assert loud.content() == quiet.content()


def test_equal_conversations_of_the_same_second_are_told_apart(rehearse: Rehearse) -> None:
    def twins(rehearsal: Rehearsal) -> None:
        (first,) = (line for line in rehearsal.plan.lines if line.slot == "conversation/t1")
        (second,) = (line for line in rehearsal.plan.lines if line.slot == "conversation/t6")
        assert first.payload["from"] == second.payload["from"]
        rehearsal.plan.change(second.slot, payload=first.payload, content="the other")
        rehearsal.build()

    quiet = rehearse(build=False)
    twins(quiet)
    quiet.apply()
    started: list[Rehearsal] = []
    loud = rehearse(
        build=False,
        faults=(Fault("POST", "/conversations", nth=1, when="after_commit", times=8),),
        search_lag=2.0,
        clock=lambda: started[0].clock.time() if started else 0.0,
    )
    started.append(loud)
    loud.intercom = {"search_lag": 10.0}
    twins(loud)
    assert loud.apply().exit_code == 0
    assert loud.content() == quiet.content()


def test_a_search_that_lags_is_waited_out(rehearse: Rehearse) -> None:
    """The simulator's clock runs with the loader's waiting."""
    holder: list[Rehearsal] = []
    rehearsal = rehearse(
        search_lag=20.0,
        clock=lambda: holder[0].clock.time() if holder else 0.0,
        faults=(Fault("POST", "/conversations", nth=2, when="after_commit"),),
    )
    holder.append(rehearsal)
    rehearsal.intercom = {"search_lag": 30.0}
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.workspace.counts()["conversations"] == 8
    assert 20.0 <= rehearsal.clock.slept <= 60.0


def test_a_part_that_may_be_ours_or_not_is_never_sent_again(rehearse: Rehearse) -> None:
    """Same author, same second, another text: a person has to decide."""
    started: list[Rehearsal] = []

    def somebody_else(seen: Seen) -> str:
        (line,) = (line for line in started[0].plan.lines if line.slot.endswith("part/a1-2"))
        httpx.post(
            f"{started[0].base_url}{seen.path}",
            json={**line.payload, "body": "<p>Written by another program</p>"},
            headers={"Authorization": "Bearer other", "Intercom-Version": "2.16"},
        ).raise_for_status()
        return "drop"

    fault = Fault("POST", "/conversations/{conversation_id}/reply", nth=2, do=somebody_else)  # type: ignore[arg-type]
    started.append(rehearse(tickets=range(1, 2), faults=(fault,)))
    rehearsal = started[0]
    result = rehearsal.apply()
    assert (result.state, result.exit_code) == ("finished", 4)
    assert result.left_over["unknown"] == 1
    parts = rehearsal.workspace.counts()["parts"]
    again = rehearsal.apply()
    assert (again.exit_code, again.left_over, again.plan.total) == (4, {"unknown": 1}, 0)
    assert rehearsal.workspace.counts()["parts"] == parts
