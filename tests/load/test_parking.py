"""What cannot be decided waits without holding up the others, is looked up again, and is never sent twice."""

import json
import re
import sqlite3
from typing import Any

import httpx
import pytest
from killed import Loads
from little_plan import Line
from rehearsals import Rehearsal, Rehearse
from typer.testing import CliRunner

from load.cli import app
from load.cli import decide as decide_command
from load.decisions import decide
from load.errors import DecisionError
from load.kinds import Absent, Undecided, kind_of, texts
from load.letters import way_out
from load.simulator import Fault
from load.simulator.faults import Seen

REPLY = "/conversations/{conversation_id}/reply"
OTHER = {"Authorization": "Bearer other", "Intercom-Version": "2.16"}


def letters(rehearsal: Rehearsal) -> list[tuple[Any, ...]]:
    with sqlite3.connect(rehearsal.ledger) as db:
        return db.execute("select slot, reason from dead_letters order by reason desc, slot").fetchall()


def with_its_clock(rehearse: Rehearse, **options: Any) -> Rehearsal:
    """The simulator's time goes on with the loader's waiting."""
    holder: list[Rehearsal] = []
    holder.append(rehearse(clock=lambda: holder[0].clock.time() if holder else 0.0, **options))
    return holder[0]


def test_other_lanes_go_on_while_a_search_cannot_see_yet_what_was_made(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]]
) -> None:
    fault = Fault("POST", "/conversations", nth=1, when="after_commit", times=3)
    rehearsal = with_its_clock(rehearse, search_lag=20.0, faults=(fault,))
    rehearsal.intercom = {"search_lag": 30.0}
    assert rehearsal.apply(workers=1).exit_code == 0
    assert rehearsal.content() == undisturbed
    assert 20.0 <= rehearsal.clock.slept <= 45.0, "three of them wait for the lag once"
    asked = [entry["template"] for entry in rehearsal.workspace.requests()]
    last_start = len(asked) - asked[::-1].index("/conversations")
    assert asked.index("/conversations/search") < last_start < len(asked) - asked[::-1].index("/conversations/search")


def somebody_else_replies(rehearsals: list[Rehearsal], number: int = 2) -> Any:
    """Just before our reply is lost, another program writes in the same second as the same teammate."""

    def reply(seen: Seen) -> str:
        (line,) = (line for line in rehearsals[0].plan.lines if line.slot.endswith(f"part/a1-{number}"))
        body = {**line.payload, "body": "<p>Written by another program</p>"}
        httpx.post(f"{rehearsals[0].base_url}{seen.path}", json=body, headers=OTHER).raise_for_status()
        return "drop"

    return reply


def undecided(rehearse: Rehearse, **more: Any) -> Rehearsal:
    started: list[Rehearsal] = []
    fault = Fault("POST", REPLY, nth=2, do=somebody_else_replies(started))
    started.append(rehearse(tickets=range(1, 2), faults=(fault, *more.pop("faults", ())), **more))
    return started[0]


def test_what_cannot_be_decided_is_looked_up_again_at_the_end_of_the_run(rehearse: Rehearse) -> None:
    quiet = rehearse(tickets=range(1, 2))
    quiet.apply()
    holder: list[Rehearsal] = []

    def a_person_tidies_up(_seen: Seen) -> str:
        with holder[0].workspace.transaction() as tx:
            tx.execute("delete from parts where body like '%another program%'")
        return "delay:0"

    tidy = Fault("POST", "/articles", do=a_person_tidies_up)  # type: ignore[arg-type]
    holder.append(undecided(rehearse, faults=(tidy,)))
    result = holder[0].apply()
    assert (result.state, result.exit_code, result.unresolved) == ("finished", 0, 0)
    assert holder[0].content() == quiet.content()


def test_what_a_person_has_to_decide_is_left_over_with_a_way_out(rehearse: Rehearse) -> None:
    rehearsal = undecided(rehearse)
    result = rehearsal.apply()
    slot = "conversation/t1/part/a1-2"
    assert letters(rehearsal)[0] == (slot, "unknown")
    assert result.unresolved == 1
    assert "1 for a person to decide whether they are there" in result.sentence
    assert "decide SLOT --absent" in way_out("unknown")
    with pytest.raises(DecisionError, match="nothing is undecided about contact/u1"):
        decide(rehearsal.settings, "contact/u1", None)


def test_what_waits_for_a_decision_is_counted_once_and_asks_for_decide(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = undecided(rehearse)
    monkeypatch.setattr("load.cli.load_settings", lambda: rehearsal.settings)
    run = CliRunner()
    first = rehearsal.apply()
    again = run.invoke(app, ["apply", "--execute", "--conversation", "t1"])
    assert again.exit_code == 4
    (said,) = re.findall(r"(\d+) are not: (.*?)[;.]", again.stderr)
    parts = [int(number) for number in re.findall(r"\b(\d+) (?:for|waiting)", said[1])]
    assert (int(said[0]), sum(parts), len(parts)) == (sum(parts), first.plan.rows - first.settled, 2)
    assert "1 for a person to decide whether they are there" in said[1]
    assert "waiting for that decision" in said[1]
    planned = run.invoke(app, ["plan", "--conversation", "t1"])
    shown = run.invoke(app, ["status"])
    for told in (again, planned, shown):
        following = told.stderr[told.stderr.index("Next:") :]
        assert "decide SLOT" in following
        assert "--conversation t1" in following
        assert "--retry-failed" not in following
    said_now = run.invoke(app, ["decide", "conversation/t1/part/a1-2", "--absent", "--json"])
    assert json.loads(said_now.stdout)["intercom_id"] is None
    shown = run.invoke(app, ["status"])
    assert "apply --execute --conversation t1" in shown.stderr, "those that wait follow"
    with sqlite3.connect(rehearsal.ledger) as db:
        db.execute("delete from dead_letters")
    assert "plan --conversation t1" in run.invoke(app, ["status"]).stderr, "it has left something"


@pytest.mark.parametrize("there", [False, True])
def test_a_person_decides(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    rehearsal = undecided(rehearse)
    rehearsal.apply()
    parts = rehearsal.workspace.counts()["parts"]
    with rehearsal.workspace.reading() as tx:
        (other,) = tx.execute("select id from parts where body like '%another program%'").fetchone()
        (owned,) = tx.execute("select min(id) from parts").fetchone()
    slot = "conversation/t1/part/a1-2"
    with pytest.raises(DecisionError, match="another record's"):
        decide(rehearsal.settings, slot, str(owned))
    monkeypatch.setattr("load.cli.load_settings", lambda: rehearsal.settings)
    decide_command(slot, found=str(other) if there else None, absent=not there)
    result = rehearsal.apply()
    assert (result.exit_code, result.unresolved, letters(rehearsal)) == (0, 0, [])
    assert result.written.get("conversation.reply", 0) == (1 if there else 2)
    assert rehearsal.workspace.counts()["parts"] > parts


def test_an_id_that_is_not_there_is_no_decision(rehearse: Rehearse) -> None:
    rehearsal = undecided(rehearse)
    rehearsal.apply()
    slot = "conversation/t1/part/a1-2"
    with pytest.raises(DecisionError, match="has no part 999999999"):
        decide(rehearsal.settings, slot, "999999999")
    assert letters(rehearsal)[0] == (slot, "unknown")


def test_a_wrong_decision_is_corrected_until_it_was_sent(rehearse: Rehearse) -> None:
    rehearsal = undecided(rehearse)
    rehearsal.apply()
    with rehearsal.workspace.reading() as tx:
        (other,) = tx.execute("select id from parts where body like '%another program%'").fetchone()
    slot = "conversation/t1/part/a1-2"
    assert not decide(rehearsal.settings, slot, str(other)).corrects
    assert decide(rehearsal.settings, slot, None).corrects
    assert decide(rehearsal.settings, slot, str(other)).corrects
    assert decide(rehearsal.settings, slot, None).corrects
    parts = rehearsal.workspace.counts()["parts"]
    result = rehearsal.apply()
    assert (result.exit_code, result.written["conversation.reply"]) == (0, 2)
    assert rehearsal.workspace.counts()["parts"] > parts
    with pytest.raises(DecisionError, match="was sent after it was decided"):
        decide(rehearsal.settings, slot, str(other))
    assert rehearsal.apply().plan.total == 0


def test_what_refers_to_a_parked_record_waits_with_it(rehearse: Rehearse) -> None:
    """Intercom takes no conversation for a while; a link from one to another comes in a later phase."""
    fault = Fault("POST", "/conversations", nth=1, times=16)
    rehearsal = rehearse(build=False, tickets=range(1, 3), faults=(fault,))
    payload = {
        "message_type": "note",
        "type": "admin",
        "admin_id": rehearsal.ids.admin,
        "body": {"$concat": ["<p>See ", {"$ref": "conversation/t1"}, "</p>"]},
        "created_at": 1_300_009_999,
        "skip_notifications": True,
    }
    path = "/conversations/{conversation/t2}/reply"
    slot = "conversation/t2/link/t1"
    rehearsal.plan.lines.append(Line(slot, 6, slot, 0, "conversation.reply", "POST", path, payload, slot))
    rehearsal.build()
    result = rehearsal.apply(workers=4)
    assert (result.state, result.exit_code, letters(rehearsal)) == ("finished", 0, [])
    assert result.sentence == f"All {len(rehearsal.plan.lines)} records of the plan are in Intercom."
    assert rehearsal.workspace.counts()["conversations"] == 2


def test_what_is_never_answered_is_tried_again_at_the_end_and_then_left_over(rehearse: Rehearse) -> None:
    fault = Fault("POST", "/articles", nth=1, times=16)
    rehearsal = rehearse(tickets=range(1, 2), faults=(fault,))
    result = rehearsal.apply(workers=4)
    assert (result.state, result.exit_code) == ("finished", 4)
    assert result.left_over == {"unanswered": 1, "depends": 1}
    assert "1 not answered" in result.sentence
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.workspace.counts()["articles"] == 2


def test_an_article_of_the_same_title_with_other_words_is_not_taken_for_ours(rehearse: Rehearse) -> None:
    holder: list[Rehearsal] = []

    def somebody_else(_seen: Seen) -> str:
        with holder[0].workspace.reading() as tx:
            (parent,) = tx.execute("select min(id) from collections").fetchone()
        article = {"title": "E-Mail", "body": "<p>A person's</p>", "author_id": int(holder[0].ids.admin)}
        more = {"parent_id": parent, "parent_type": "collection"}
        httpx.post(f"{holder[0].base_url}/articles", json=article | more, headers=OTHER).raise_for_status()
        return "drop"

    holder.append(
        rehearse(tickets=range(1, 2), faults=(Fault("POST", "/articles", do=somebody_else),))  # type: ignore[arg-type]
    )
    assert holder[0].apply().left_over["unknown"] == 1
    assert letters(holder[0])[0] == ("article/s1", "unknown")
    assert holder[0].workspace.counts()["articles"] == 1


class Shows:
    """Intercom, as far as a lost reply is looked up."""

    def __init__(self, parts: int, count: int) -> None:
        part = {"part_type": "assignment", "body": None, "id": "1"}
        listed = {"conversation_parts": [part] * parts}
        self.data = {"conversation_parts": listed, "statistics": {"count_conversation_parts": count}}

    def call(self, *_args: object, **_more: object) -> "Shows":
        return self

    def owned(self, *_args: object) -> set[str]:
        return set()


@pytest.mark.parametrize(
    ("parts", "count", "verdict"), [(500, 500, Absent()), (12, 13, Absent()), (500, 501, Undecided(()))]
)
def test_a_lost_reply_is_not_absent_from_parts_that_cannot_be_read(parts: int, count: int, verdict: object) -> None:
    wanted = {
        "conversation": "1",
        "author": "2",
        "note": False,
        "created_at": 3,
        "texts": texts("x"),
        "files": 0,
        "names": "",
    }
    find = kind_of("conversation.reply").find
    assert find is not None
    assert find(Shows(parts, count), wanted) == verdict  # type: ignore[arg-type]


def test_what_a_killed_run_may_have_set_and_the_plan_no_longer_names_is_taken_back(rehearse: Rehearse) -> None:
    slot = "conversation/t1/tag/urgent"
    quiet = rehearse(build=False, tickets=range(1, 2))
    quiet.plan.drop(slot)
    quiet.build()
    quiet.apply()
    rehearsal = rehearse(tickets=range(1, 2))
    with Loads() as loads:
        how = {"slot": slot, "action": "send", "boundary": "before the receipt"}
        assert loads.run(rehearsal.folder, rehearsal.base_url, **how) == -9
    rehearsal.plan.drop(slot)
    rehearsal.build()
    result = rehearsal.apply()
    assert (result.exit_code, result.unresolved) == (0, 0)
    assert rehearsal.content() == quiet.content()


def test_a_record_that_changed_while_its_call_was_lost_gets_what_it_has_now(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    with Loads() as loads:
        how = {"slot": "contact/u4", "action": "send", "boundary": "before the receipt"}
        assert loads.run(rehearsal.folder, rehearsal.base_url, **how) == -9
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u4")
    rehearsal.plan.change(line.slot, payload={**line.payload, "name": "Renamed since"})
    rehearsal.build()
    assert rehearsal.apply().exit_code == 0
    (contact,) = (r for r in rehearsal.content() if r["object"] == "contact" and r["external_id"] == "u4")
    assert contact["name"] == "Renamed since"
    with sqlite3.connect(rehearsal.ledger) as db:
        assert db.execute("select outcome from settled where slot = 'contact/u4'").fetchall() == [("created",)]


@pytest.mark.parametrize("boundary", ["after the intent", "before the receipt"])
def test_equal_conversations_and_equal_replies_are_told_apart_across_a_kill(rehearse: Rehearse, boundary: str) -> None:
    def twins(rehearsal: Rehearsal) -> None:
        (first,) = (line for line in rehearsal.plan.lines if line.slot == "conversation/t1")
        rehearsal.plan.change("conversation/t6", payload=first.payload, content="the other")
        (reply,) = (line for line in rehearsal.plan.lines if line.slot.endswith("part/a6-1"))
        rehearsal.plan.change("conversation/t6/part/a6-2", payload=reply.payload, content="the other reply")
        rehearsal.build()

    quiet = rehearse(build=False, tickets=range(1, 7, 5))
    twins(quiet)
    quiet.apply()
    with Loads() as loads:
        for slot in ("conversation/t1", "conversation/t6", "conversation/t6/part/a6-1", "conversation/t6/part/a6-2"):
            loud = rehearse(build=False, tickets=range(1, 7, 5))
            twins(loud)
            how = {"slot": slot, "action": "send", "boundary": boundary, "workers": 4}
            assert loads.run(loud.folder, loud.base_url, **how) == -9
            assert loud.apply().exit_code == 0
            assert loud.content() == quiet.content(), slot


def test_the_intent_says_what_was_there_before(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.workspace.seed(tags=[{"name": "URGENT"}])
    rehearsal.apply()
    with sqlite3.connect(rehearsal.ledger) as db:
        told = dict(db.execute("select lane, fingerprint from intents where kind = 'tag.create'").fetchall())
    assert {lane: json.loads(text)["before"]["existed"] for lane, text in told.items()} == {
        "tag/urgent": True,
        "tag/SLA: Gold": False,
    }
