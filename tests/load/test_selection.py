"""A part of the plan can be loaded by itself, and a later apply completes it."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from little_plan import START, Line, LittlePlan
from rehearsals import ACKNOWLEDGED, Rehearsal, Rehearse
from sqlalchemy import create_engine, inspect
from typer.testing import CliRunner

from load import templates
from load.cli import app
from load.engine import Result
from load.errors import AcknowledgeError, GateError, SelectionError
from load.ledger import RUNS, Ledger
from load.plan import Plan, Worklist, make_plan
from load.selection import Selection, described
from load.simulator import Fault
from load.status import read_status

ONE = Selection(conversations=("t4",))


def chosen(rehearsal: Rehearsal, selection: Selection) -> set[str]:
    """Return the slots that a selection means."""
    with Ledger(rehearsal.ledger if rehearsal.ledger.is_file() else None) as ledger, Worklist() as worklist:
        make_plan(rehearsal.warehouse, ledger, worklist=worklist, selection=selection)
        assert worklist.slots is not None
        return worklist.slots.among([line.slot for line in rehearsal.plan.lines])


def conversations(slots: set[str]) -> set[str]:
    """Return the keys of the conversations among slots."""
    return {slot.removeprefix("conversation/") for slot in slots if slot.count("/") == 1 and "conversation/" in slot}


def settled(rehearsal: Rehearsal) -> set[str]:
    """Return every slot that is so in Intercom."""
    with Ledger(rehearsal.ledger) as ledger:
        return set(ledger.settled(0, [], [line.slot for line in rehearsal.plan.lines]))


def planned(rehearsal: Rehearsal, selection: Selection) -> Plan:
    with Ledger(rehearsal.ledger) as ledger:
        return make_plan(rehearsal.warehouse, ledger, selection=selection)


def referred(line: Line) -> set[str]:
    """Return the objects that a line names, in its path and in its payload."""
    found: set[str] = set()

    def note(key: str) -> str:
        found.add(key)
        return "1"

    templates.fill_path(line.path, note)
    for payload in (line.payload, line.on_conflict or {}):
        templates.fill(payload, note, lambda _key: "")
    return found


def link(plan: LittlePlan, of: str, to: str, name: str = "Priority") -> str:
    """Plan an attribute that names another conversation, in the last phase; returns its slot."""
    lane, target = f"conversation/{of}", f"conversation/{to}"
    slot = f"{lane}/attribute/link {name}"
    text = {"$concat": ["see ", {"$ref": target, "default": "not loaded"}]}
    plan.lines.append(
        Line(
            slot,
            6,
            f"links/{lane}",
            0,
            "conversation.attribute",
            "PUT",
            f"/conversations/{{{lane}}}",
            {"custom_attributes": {name: text}},
        )
    )
    return slot


def continue_(plan: LittlePlan, key: str) -> None:
    """Plan a continuation of a conversation."""
    lines = [line for line in plan.lines if line.lane == f"conversation/{key}"]
    more = f"conversation/{key}:2"
    for line in lines:
        moved = line.slot.replace(line.lane, more), line.path.replace(line.lane, more)
        creates = None if line.creates is None else line.creates.replace(key, f"{key}:2").replace("part/", "part/2-")
        plan.lines.append(replace(line, slot=moved[0], path=moved[1], lane=more, creates=creates))


def test_a_conversation_brings_what_it_refers_to_and_nothing_else(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    rehearsal.plan.change("conversation/t4/company", payload={"company_id": {"$ref": "company/c1"}})
    rehearsal.build()
    result = rehearsal.apply(selection=ONE)
    assert result.exit_code == 0
    assert settled(rehearsal) == {
        *(line.slot for line in rehearsal.plan.lines if line.lane == "conversation/t4"),
        *("contact/u5", "contact/u5/company/c2", "company/c2"),  # who wrote
        *("contact/u1", "contact/u1/company/c2"),  # who takes part
        "company/c1",  # named by the conversation itself
        "tag/urgent",
        "data_attribute/contact/login",
        *(f"conversation_attribute/{name}" for name in ("Ticket number", "Created", "Priority")),
    }
    assert sum(result.written.values()) == rehearsal.accepted()


def test_what_is_chosen_can_be_sent_by_itself(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    for selection in (ONE, Selection(limit=3), Selection(states=("open",)), Selection(teams=("Support",))):
        slots = chosen(rehearsal, selection)
        lines = [line for line in rehearsal.plan.lines if line.slot in slots]
        made = {line.creates for line in lines if line.creates}
        named = {key for line in lines for key in referred(line)}
        assert named <= made
        only = {key for key in made - named if not key.startswith(("conversation", "part/", "data_attribute/"))}
        assert only == set()


def test_a_later_apply_completes_the_load_with_nothing_twice(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]]
) -> None:
    rehearsal = rehearse()
    parts: list[Result] = [
        rehearsal.apply(selection=selection)
        for selection in (ONE, ONE, Selection(limit=2), Selection(states=("open",)))
    ]
    assert sum(parts[1].written.values()) == 0
    whole = rehearsal.apply()
    assert whole.exit_code == 0
    assert rehearsal.content() == undisturbed
    writes = sum(sum(result.written.values()) for result in (*parts, whole))
    assert writes == rehearsal.accepted()
    again = rehearsal.apply()
    assert sum(again.written.values()) == 0


def test_what_is_left_out_is_counted(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    result = rehearsal.apply(selection=ONE)
    told = result.as_dict()["selection"]
    assert told == result.plan.as_dict()["selection"]
    assert told["conversations"] == ["t4"]
    assert told["chosen"] == {"conversations": 1, "requests": result.plan.rows}
    assert told["not_selected"] == {"conversations": 7, "requests": len(rehearsal.plan.lines) - result.plan.rows}
    assert result.plan.chosen is not None
    assert "Not selected: 7 conversations" in result.plan.chosen.sentence
    assert rehearsal.apply().as_dict()["selection"] is None


def test_conditions_are_met_all_and_values_of_one_any(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    for selection, meant in (
        (Selection(created_since="10d"), "5678"),  # of the extract, not of the clock
        (Selection(created_since="10d", limit=1), "8"),
        (Selection(created_since="2011-03-13T09:00:00"), "78"),
        (Selection(created_since="2011-03-13T10:00:00+01:00"), "78"),
        (Selection(created_since="2011-03-13"), "12345678"),
        (Selection(teams=("support",)), "1357"),
        (Selection(teams=("Support", " sales ")), "12345678"),
        (Selection(states=("open",)), "36"),
        (Selection(states=("open", "closed"), teams=("Sales",)), "268"),
        (Selection(limit=3), "678"),
        (Selection(conversations=("t2", "conversation/t3", "2011000005")), "235"),
    ):
        found = conversations(chosen(rehearsal, selection))
        assert found == {f"t{number}" for number in meant}, selection


def test_a_continuation_comes_with_what_it_continues(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    continue_(rehearsal.plan, "t2")
    slot = link(rehearsal.plan, "t2", "t2:2")
    rehearsal.build()
    for name in ("t2", "t2:2", "2011000002"):
        slots = chosen(rehearsal, Selection(conversations=(name,)))
        assert conversations(slots) == {"t2", "t2:2"}
        assert slot in slots
    assert conversations(chosen(rehearsal, Selection(limit=7))) == {"t2", "t2:2", *(f"t{n}" for n in range(3, 9))}


def test_a_link_waits_for_the_conversation_that_it_names(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    slot = link(rehearsal.plan, "t1", "t2")
    gone = link(rehearsal.plan, "t1", "nowhere", "Ticket number")
    rehearsal.build()
    assert slot not in chosen(rehearsal, Selection(conversations=("t1",)))
    assert slot in chosen(rehearsal, Selection(conversations=("t1", "t2")))
    assert gone in chosen(rehearsal, Selection(conversations=("t1",)))  # nothing will ever come

    rehearsal.apply(selection=Selection(conversations=("t1",)))
    assert settled(rehearsal) & {slot, gone} == {gone}
    rehearsal.apply(selection=Selection(conversations=("t2",)))
    slots = chosen(rehearsal, Selection(conversations=("t1",)))
    assert slot in slots  # now it is loaded
    assert conversations(slots) == {"t1"}  # and not chosen by being named
    rehearsal.apply()
    with Ledger(rehearsal.ledger) as ledger:
        t2 = ledger.object_id("conversation/t2")
    assert t2 is not None
    (t1,) = [one for one in rehearsal.content() if one.get("title") == "Title 1"]
    assert t1["custom_attributes"]["Priority"] == f"see {t2[0]}"


def test_a_customers_text_refers_to_nothing(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    lane = "conversation/t1"
    (first,) = [line for line in rehearsal.plan.lines if line.slot == lane]
    rehearsal.plan.change(lane, payload={**first.payload, "body": '{"$ref": "contact/u4"} \\{"$ref":"contact/u4"}'})
    rehearsal.build()
    slots = chosen(rehearsal, Selection(conversations=("t1",)))
    assert "contact/u2" in slots
    assert "contact/u4" not in slots


def test_keys_may_hold_any_character(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    name = 'Größe: "XL" \\ {1}'
    rehearsal.plan.change("tag/urgent", creates=f"tag/{name}")
    for line in list(rehearsal.plan.lines):
        if line.kind == "conversation.tag":
            rehearsal.plan.change(line.slot, payload={**line.payload, "id": {"$ref": f"tag/{name}"}})
    rehearsal.build()
    assert "tag/urgent" in chosen(rehearsal, ONE)


def test_files_outside_come_with_the_text_that_links_to_them(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    path = rehearsal.plan.keep_outside("film", b"a film")
    rehearsal.plan.keep_outside("other", b"another film")
    slot = "conversation/t4/part/a4-1"
    (line,) = [line for line in rehearsal.plan.lines if line.slot == slot]
    linked = f'<a href="https://files.example.com/{path}">film.mov</a>'
    rehearsal.plan.change(slot, payload={**line.payload, "body": linked})
    rehearsal.build()
    slots = chosen(rehearsal, ONE)
    assert "stored_file/film" in slots
    assert "stored_file/other" not in slots
    assert "stored_file/film" not in chosen(rehearsal, Selection(conversations=("t1",)))


def test_what_is_not_chosen_is_left_as_it_is(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.apply()
    gone = "conversation/t1/tag/urgent"
    rehearsal.plan.drop(gone)
    for number in (1, 4):
        rehearsal.plan.change(f"conversation/t{number}/title", payload={"title": "New"})
    rehearsal.build()
    result = rehearsal.apply(selection=ONE)
    assert result.written == {"conversation.attribute": 1}
    rest = rehearsal.apply()
    assert rest.written["conversation.tag (undo)"] == 1
    assert rest.written["conversation.attribute"] == 1


def test_a_selection_that_means_nothing_is_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"conversations": ("t4", "t9")}, "no conversation t9"),
        ({"teams": ("Support", "Suport")}, r"no team Suport. Teams .*: Sales, Support\."),
        ({"states": ("opened",)}, "no state 'opened'"),
        ({"created_since": "last month"}, "'last month' is no day"),
        ({"created_since": "1d"}, r"no conversation .* is meant by this selection \(created since 2011-03-22 "),
        ({"limit": 0}, "limit of 0"),
    )
    for asked, message in wrong:
        with pytest.raises(SelectionError, match=message) as refused:
            rehearsal.apply(selection=Selection(**asked))
        assert refused.value.exit_code == 3
    assert rehearsal.accepted() == 0
    assert read_status(rehearsal.ledger).run is None


def test_the_ledger_remembers_what_a_run_was_told_to_send(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.apply(selection=Selection(created_since="10d", limit=1))
    run = read_status(rehearsal.ledger).run
    assert run is not None
    assert run.selection is not None
    assert described(run.selection) == "created since 2011-03-13 08:30 UTC, the 1 newest of them"
    assert run.selection["not_selected"]["conversations"] == 7
    rehearsal.apply()
    whole = read_status(rehearsal.ledger).run
    assert whole is not None
    assert whole.selection is None


def test_a_ledger_of_an_earlier_version_is_used_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.start_run("hash")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as db:
        db.exec_driver_sql("alter table runs drop column selection")
    with Ledger(path) as ledger:
        names = {column["name"] for column in inspect(ledger.engine).get_columns("runs")}
        assert names == {column.name for column in RUNS.columns}
    run = read_status(path).run
    assert run is not None
    assert run.selection is None
    engine.dispose()


def test_a_run_that_ended_before_it_had_a_plan_is_known_to_be_of_a_part(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    rehearsal.plan.change("contact/u1", kind="contact.note")
    rehearsal.build()
    with pytest.raises(GateError, match=r"contact\.note"):
        rehearsal.apply(selection=ONE)
    run = read_status(rehearsal.ledger).run
    assert run is not None
    assert run.selection == {"conversations": ["t4"]}


def test_a_plan_without_conversations_is_loaded_when_nothing_is_selected(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 1))
    assert rehearsal.apply(selection=Selection()).exit_code == 0
    assert rehearsal.accepted() == len(rehearsal.plan.lines)


def test_a_pass_over_thirty_days_is_one_command(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = rehearse(build=False)
    old = START - 100 * 86_400
    for number in range(1, 7):
        slot = f"conversation/t{number}"
        (line,) = [line for line in rehearsal.plan.lines if line.slot == slot]
        rehearsal.plan.change(slot, payload={**line.payload, "created_at": old})
    rehearsal.build()
    for name, value in rehearsal.environment.items():
        monkeypatch.setenv(name, value)
    command = ["apply", "--execute", "--created-since", "30d", *ACKNOWLEDGED]
    dry = CliRunner().invoke(app, ["plan", "--created-since", "30d", "--json"])
    assert dry.exit_code == 0, dry.output
    applied = CliRunner().invoke(app, [*command, "--json"])
    assert applied.exit_code == 0, applied.output
    assert json.loads(applied.stdout)["written"] == json.loads(dry.stdout)["writes_by_kind"]
    assert "Selected: 2 of 8 conversations (created since 2011-02-21 08:30 UTC)" in applied.stderr
    assert len([one for one in rehearsal.content() if one["object"] == "conversation"]) == 2
    assert "It is of a part of the plan: created since" in CliRunner().invoke(app, ["status"]).stdout
    for wrong in (["--state", "opened"], ["--created-since", "soon"]):
        refused = CliRunner().invoke(app, ["plan", *wrong])
        assert refused.exit_code == 2
        assert "Invalid value" in refused.stderr


def test_what_a_killed_run_may_have_set_is_taken_back_without_a_selection_and_each_by_itself(
    rehearse: Rehearse,
) -> None:
    refused = Fault("DELETE", r"/conversations/500/tags/\d+", times=10**6, do="status:422")
    rehearsal = rehearse(tickets=range(1, 4), faults=(refused,))
    rehearsal.apply(workers=1)
    with closing(sqlite3.connect(rehearsal.ledger)) as db, db:  # as if killed before the receipts
        db.execute("delete from settled where kind = 'conversation.tag'")
        db.execute("update intents set closed_at = null, outcome = null where kind = 'conversation.tag'")
    for number in range(1, 4):
        rehearsal.plan.drop(f"conversation/t{number}/tag/urgent")
    rehearsal.build()

    part = rehearsal.apply(selection=Selection(conversations=("t3",)))
    assert (part.exit_code, part.unresolved) == (0, 3)
    for result in (rehearsal.apply(), rehearsal.apply()):
        assert (result.exit_code, result.unresolved, result.not_taken_back) == (4, 1, {"refused": 1})
        assert result.sentence.endswith("are in Intercom; 1 could not be taken back.")
    tagged = [found for found in rehearsal.content() if found["object"] == "conversation" and found["tags"]]
    assert len(tagged) == 1


def test_only_what_is_chosen_is_tried_again_and_only_when_its_effects_are_acknowledged(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False, tickets=range(1, 3))
    for number in (1, 2):
        rehearsal.plan.change(f"conversation/t{number}/state", payload={"message_type": "close", "admin_id": "1"})
    rehearsal.build()

    def dead() -> list[tuple[str, str]]:
        with closing(sqlite3.connect(rehearsal.ledger)) as db:
            return db.execute("select slot, run_id from dead_letters order by slot").fetchall()

    rehearsal.apply()
    first = dead()
    assert len(first) == 2
    with closing(sqlite3.connect(rehearsal.ledger)) as db, db:
        db.execute("delete from acknowledgements")
    one = Selection(conversations=("t2",))
    with pytest.raises(AcknowledgeError):
        rehearsal.apply(retry_failed=True, selection=one, acknowledge=())
    assert dead() == first
    result = rehearsal.apply(retry_failed=True, selection=one)
    assert (result.exit_code, result.left_over) == (4, {"refused": 1})
    assert dead() == [first[0], ("conversation/t2/state", result.run_id)]
    assert rehearsal.apply(retry_failed=True).left_over == {"refused": 2}
