"""A run that stops says why in one sentence, has lost nothing, and goes on from there."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from rehearsals import Rehearsal, Rehearse
from sqlalchemy import Engine, event

import load.ledger
from load.errors import InterruptedRunError
from load.letters import way_out
from load.simulator import Fault

CONVERSATIONS = "/conversations"


def test_the_ledgers_disk_is_full(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself refuses to grow the file, again and again, with a little more room each time."""
    rehearsal = rehearse()
    engine_of = load.ledger._engine
    room = 0

    def small(path: Path | None) -> Engine:
        engine = engine_of(path)

        @event.listens_for(engine, "connect")
        def _limit(connection: Any, _record: Any) -> None:
            (pages,) = connection.execute("pragma page_count").fetchone()
            connection.execute(f"pragma max_page_count = {max(pages, room)}")

        return engine

    with load.ledger.Ledger(rehearsal.ledger):
        pass
    monkeypatch.setattr(load.ledger, "_engine", small)
    stops = 0
    for _ in range(40):
        with sqlite3.connect(rehearsal.ledger) as db:
            (room,) = db.execute("pragma page_count").fetchone()
        room += 8
        try:
            result = rehearsal.apply()
        except load.ledger.LedgerWriteError as error:
            assert "Nothing is lost" in str(error)  # noqa: PT017 - either form of stopping will do
            stops += 1
            continue
        if result.state == "finished":
            break
        assert (result.state, result.exit_code) == ("stopped", 4)
        assert "disk is full" in (result.reason or "")
        assert "not tried because the run was stopped" in result.sentence
        stops += 1
    assert stops > 2
    assert (result.exit_code, result.unresolved) == (0, 0)
    assert rehearsal.content() == undisturbed


def test_the_run_stops_when_more_records_are_refused_than_allowed(rehearse: Rehearse) -> None:
    def refused(rehearsal: Rehearsal) -> Rehearsal:
        for number in range(1, 6):
            (line,) = (line for line in rehearsal.plan.lines if line.slot == f"contact/u{number}")
            rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
        rehearsal.build()
        return rehearsal

    allowed = refused(rehearse(build=False, tickets=range(1, 2))).apply(max_errors=5)
    assert (allowed.state, allowed.left_over["refused"]) == ("finished", 5)
    rehearsal = refused(rehearse(build=False, tickets=range(1, 2)))
    result = rehearsal.apply(max_errors=1, workers=1)
    assert (result.state, result.exit_code, result.left_over["refused"]) == ("stopped", 4, 2)
    assert "--max-errors 1" in (result.reason or "")
    assert "2 refused by Intercom" in result.sentence
    again = rehearsal.apply(max_errors=1, workers=1)
    assert again.left_over["refused"] == 2, "what was refused before does not count again"


def test_one_sentence_says_what_is_there_what_is_not_and_why(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rows = len(rehearsal.plan.lines)
    (line,) = (line for line in rehearsal.plan.lines if line.slot.endswith("/state"))
    rehearsal.plan.change(line.slot, payload={**line.payload, "admin_id": "1"})
    rehearsal.build()
    said = f"{rows - 1} of {rows} records of the plan are in Intercom, 1 are not: "
    assert rehearsal.apply().sentence == said + "1 refused by Intercom."
    assert rehearsal.apply().sentence == said + "1 refused in an earlier run and not tried again."
    rehearsal.plan.change(line.slot, payload=line.payload)
    (part,) = (line for line in rehearsal.plan.lines if line.slot.endswith("part/a1-1"))
    rehearsal.plan.change(part.slot, payload={**part.payload, "body": "<p>Edited</p>"})
    rehearsal.build()
    mended = rehearsal.apply()
    assert mended.sentence == (
        f"All {rows} records of the plan are in Intercom; 1 changed after they were sent and are there as they were."
    )
    assert mended.as_dict()["sentence"] == mended.sentence


@pytest.mark.parametrize(
    ("letter", "way"),
    [
        (("refused", "parameter_invalid", 400), "mend the record"),
        (("refused", "contact_of_another_record", 409), "join them"),
        (("refused", "", 413), "file_size_limit"),
        (("refused", "conflict", 409), "in the way"),
        (("unanswered", "", 503), "apply again"),
        (("unknown", "", 0), "decide SLOT --found ID"),
    ],
)
def test_every_dead_letter_has_a_way_out(letter: tuple[str, str, int], way: str) -> None:
    assert way in way_out(*letter)


def test_what_waits_for_another_record_names_it() -> None:
    assert "contact/7" in way_out("depends", cause_slot="contact/7")


def test_a_second_interrupt_ends_the_process_at_once(rehearse: Rehearse) -> None:
    """The first one waits for a call that is never answered."""
    victim: list[subprocess.Popen[str]] = []

    def interrupt(_seen: object) -> str:
        victim[0].send_signal(signal.SIGINT)
        return "hold"

    rehearsal = rehearse(tickets=range(1, 3), faults=(Fault("POST", CONVERSATIONS, do=interrupt),))  # type: ignore[arg-type]
    script = Path(__file__).parent / "apply_in_a_process.py"
    command = [sys.executable, str(script), str(rehearsal.folder), rehearsal.base_url]
    victim.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    while True:
        try:
            output, _ = victim[0].communicate(timeout=2)
            break
        except subprocess.TimeoutExpired:
            if rehearsal.workspace.counts()["conversations"]:  # the other lane was finished: the first is waited for
                victim[0].send_signal(signal.SIGINT)
    assert (victim[0].returncode, output) == (130, "")
    result = rehearsal.apply()
    assert (result.exit_code, result.unresolved) == (0, 0)
    assert rehearsal.workspace.counts()["conversations"] == 2


def test_an_interrupt_before_there_is_a_plan_says_so(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("load.engine.make_plan", interrupted)
    with pytest.raises(InterruptedRunError, match="before anything was sent") as caught:
        rehearse(tickets=range(1, 2)).apply()
    assert caught.value.exit_code == 130


def test_a_membership_and_a_tag_that_were_there_before_are_not_ours(rehearse: Rehearse) -> None:
    """A person had put a contact into a company and tagged it; the plan wants both, and later neither."""
    rehearsal = rehearse(build=False, tickets=range(1, 2))
    plan, url = rehearsal.plan, rehearsal.base_url
    headers = {"Authorization": "Bearer a person's", "Intercom-Version": "2.16"}

    def post(path: str, body: dict[str, Any]) -> str:
        answer = httpx.post(url + path, json=body, headers=headers).raise_for_status()
        return str(answer.json()["id"])

    contact = post("/contacts", {"role": "user", "external_id": "u1", "email": "person1@example.com"})
    company = post("/companies", {"company_id": "c2", "name": "Known"})
    post(f"/contacts/{contact}/companies", {"id": company})
    post(f"/contacts/{contact}/tags", {"id": post("/tags", {"name": "urgent"})})
    (line,) = (line for line in plan.lines if line.slot == "contact/u1/company/c2")
    tag = {"payload": {"id": {"$ref": "tag/urgent"}}, "path": "/contacts/{contact/u1}/tags"}
    slot = "contact/u1/tag/urgent"
    plan.lines.append(line.__class__(slot, 4, slot, 0, "contact.tag", "POST", on_absent="undo", **tag))
    plan.change("company/c2", on_conflict={"name": "Company 2"})
    rehearsal.build()
    result = rehearsal.apply()
    assert result.exit_code == 0
    assert {"contact.company": 1, "contact.tag": 1}.items() <= result.adopted.items()
    for gone in (slot, line.slot):
        plan.drop(gone)
    rehearsal.build()
    assert rehearsal.apply().plan.vanished.count == 2
    counts = rehearsal.workspace.counts()
    assert counts["memberships"] == 5
    (person,) = (r for r in rehearsal.content() if r["object"] == "contact" and r["external_id"] == "u1")
    assert "urgent" in str(person["tags"])
