"""What a call without answer came to, when it is one of several that look alike, or cannot be seen yet.

Every fault at every kind of request is tried in `test_crash_matrix.py`.
"""

from typing import Any

import pytest
from rehearsals import Rehearsal, Rehearse

from load.simulator import Fault


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


@pytest.mark.parametrize("when", ["before", "after_commit"])
def test_a_call_that_times_out_is_looked_up(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, when: Any
) -> None:
    monkeypatch.setattr("load.lines.TIMEOUT", 0.5)  # a slower computer times out more often, with the same end
    holds = Fault("POST", "/conversations/{conversation_id}/reply", nth=5, when=when, do="hold")
    rehearsal = rehearse(faults=(holds,))
    result = rehearsal.apply()
    assert (result.state, result.exit_code) == ("finished", 0)
    assert result.figures["lost"] >= 1
    assert rehearsal.content() == undisturbed
