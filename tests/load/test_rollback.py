"""A load is taken back: what was made here is gone, what was there before is as it was, what a person changed stays."""

import io
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from little_plan import Line
from rehearsals import Rehearsal, Rehearse
from rich.console import Console
from typer.testing import CliRunner

from load.cli import app
from load.client import Client
from load.errors import LedgerInUseError, NotInLedgerError, WorkspaceError
from load.ledger import Ledger, exclusive
from load.rollback.desk import Desk
from load.rollback.endings import LAG
from load.rollback.owned import Selection
from load.rollback.report import RollbackResult, Tick
from load.rollback.rules import Thing
from load.rollback.run import outlook, rollback
from load.status import Status, read_status
from load.status_screen import next_step, rendered

EVERYTHING = Selection(everything=True)
HEADERS = {"Authorization": "Bearer made-up", "Intercom-Version": "2.16"}


def take_back(rehearsal: Rehearsal, selection: Selection = EVERYTHING, **more: Any) -> RollbackResult:
    return rollback(rehearsal.settings, selection, clock=rehearsal.clock, **more)


def by_hand(rehearsal: Rehearsal, method: str, path: str, payload: dict[str, Any] | None = None) -> Any:
    """What a person or another program does."""
    answer = httpx.request(method, rehearsal.base_url + path, json=payload, headers=HEADERS)
    answer.raise_for_status()
    return answer.json()


def id_of(rehearsal: Rehearsal, slot: str) -> str:
    with sqlite3.connect(rehearsal.ledger) as db:
        ((found,),) = db.execute("select intercom_id from settled where slot = ?", [slot]).fetchall()
    return str(found)


def settled(rehearsal: Rehearsal) -> set[str]:
    with sqlite3.connect(rehearsal.ledger) as db:
        return {slot for (slot,) in db.execute("select slot from settled")}


def objects(rehearsal: Rehearsal, kind: str) -> list[dict[str, Any]]:
    return [record for record in rehearsal.content() if record["object"] == kind]


def reasons(result: RollbackResult) -> dict[str, str]:
    return {one.slot: one.why for one in result.kept}


def extract(rehearsal: Rehearsal, number: int = 1) -> None:
    """Write what an extract of the workspace leaves in the warehouse, as far as a rollback reads it."""
    schema = f"raw_intercom_{number}"
    at = datetime.now(UTC).replace(tzinfo=None)
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("create schema if not exists extract_log")
        db.execute(
            "create table if not exists extract_log.raw_intercom_generations"
            " (generation bigint, started_at timestamp, published_at timestamp, row_count bigint)"
        )
        db.execute(f"create schema {schema}")
        db.execute(f"create table {schema}.me as select ? as workspace_id", [rehearsal.settings.intercom.workspace_id])
        for table, items in (
            ("contacts", by_hand(rehearsal, "GET", "/contacts?per_page=150")["data"]),
            ("companies", by_hand(rehearsal, "POST", "/companies/list")["data"]),
            ("tags", by_hand(rehearsal, "GET", "/tags")["data"]),
        ):
            db.execute(f"create table {schema}.{table} (id varchar, name varchar, data varchar)")
            for item in items:
                row = [item["id"], item["name"], json.dumps(item)]
                db.execute(f"insert into {schema}.{table} values (?, ?, ?)", row)
        db.execute("insert into extract_log.raw_intercom_generations values (?, ?, ?, 0)", [number, at, at])


# --- all of it


def test_everything_is_taken_back_and_can_be_loaded_again(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load.rollback.run.PROVED_AT_ONCE", 10)
    rehearsal = rehearse()
    path = rehearsal.plan.keep_outside("attachment:1", b"a film")
    rehearsal.build()
    before = rehearsal.content()
    rehearsal.apply()
    loaded = rehearsal.content()

    planned = outlook(rehearsal.settings, EVERYTHING)
    result = take_back(rehearsal)
    assert (result.state, result.exit_code, result.kept) == ("finished", 0, ())
    assert sum(result.written.values()) == sum(result.proved.values()) == planned.writes == 26
    assert (result.left["conversation.reply"], result.left["contact.company"]) == (24, 5)
    assert rehearsal.content() == before
    assert not (rehearsal.folder / "files" / path).exists()
    assert settled(rehearsal) == set()

    again = rehearsal.apply()
    assert (again.exit_code, again.plan.total) == (0, sum(again.written.values()))
    assert rehearsal.content() == loaded


def test_an_archived_data_attribute_comes_back_and_a_conversation_attribute_is_made_anew(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    for _ in range(2):
        rehearsal.apply()
        take_back(rehearsal)
    with rehearsal.workspace.reading() as tx:
        assert [tuple(row) for row in tx.execute("select name, archived from data_attributes")] == [("login", 1)]
        assert tx.execute("select count(*) from conversation_attributes where archived").fetchone()[0] == 6


def test_an_archived_name_that_is_not_given_away_again_is_a_dead_letter_with_the_way_out(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), archived_names_are_taken=True)
    rehearsal.apply()
    take_back(rehearsal)
    assert rehearsal.apply().exit_code == 4
    with sqlite3.connect(rehearsal.ledger) as db:
        letters = db.execute("select slot, code, message from dead_letters where phase = 1").fetchall()
    assert {(slot, code) for slot, code, _ in letters} == {
        (f"conversation_attribute/{name}", "attribute_archived") for name in ("Ticket number", "Created", "Priority")
    }
    assert all("--retry-failed" in message for _, _, message in letters)

    with rehearsal.workspace.transaction() as tx:  # in Intercom's settings, which the API cannot do
        tx.execute("update conversation_attributes set archived = 0")
    assert rehearsal.apply(retry_failed=True).exit_code == 0
    assert take_back(rehearsal).written["conversation_attribute.create"] == 3


def test_metrics_are_retained_unless_told_otherwise(rehearse: Rehearse) -> None:
    for retained in (True, False):
        rehearsal = rehearse(tickets=range(1, 2))
        rehearsal.apply()
        take_back(rehearsal, retain_metrics=retained)
        with rehearsal.workspace.reading() as tx:
            assert [row[0] for row in tx.execute("select metrics_retained from deleted_conversations")] == [retained]


# --- a part of it


def test_a_run_a_phase_and_a_conversation_can_be_taken_back_alone(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    first = rehearsal.apply()
    rehearsal.plan.lines += [line for line in rehearse(build=False, tickets=range(3, 4)).plan.lines if line.phase == 5]
    rehearsal.build()
    second = rehearsal.apply()
    take_back(rehearsal, Selection(conversation="t1"))
    assert {record["title"] for record in objects(rehearsal, "conversation")} == {"Title 2", "Title 3"}

    take_back(rehearsal, Selection(run=second.run_id))
    assert {record["title"] for record in objects(rehearsal, "conversation")} == {"Title 2"}
    assert len(objects(rehearsal, "contact")) == 5

    take_back(rehearsal, Selection(phase=7))
    assert objects(rehearsal, "article") == objects(rehearsal, "collection") == []
    assert take_back(rehearsal, Selection(run=first.run_id)).exit_code == 0
    assert settled(rehearsal) == set()


def test_what_a_later_run_added_to_a_conversation_is_named_when_it_cannot_go_alone(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    later = [
        line
        for line in rehearsal.plan.lines
        if line.slot.endswith(("/part/a1-2", "/tag/urgent", "/attribute/Priority"))
    ]
    for line in later:
        rehearsal.plan.drop(line.slot)
    rehearsal.build()
    rehearsal.apply()
    rehearsal.plan.lines += later
    rehearsal.build()
    second = rehearsal.apply()
    result = take_back(rehearsal, Selection(run=second.run_id))
    why = "Intercom takes this back only with the whole conversation: --conversation"
    assert (result.exit_code, reasons(result)) == (4, {"conversation/t1/part/a1-2": why})
    (conversation,) = objects(rehearsal, "conversation")
    assert conversation["tags"] == []
    assert set(conversation["custom_attributes"]) == {"Ticket number", "Created"}
    assert result.proved == {"conversation.tag": 1, "conversation.attribute": 1}


def test_nothing_is_deleted_from_under_what_was_not_asked_for(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    (conversation,) = objects(rehearsal, "conversation")
    assert reasons(take_back(rehearsal, Selection(phase=3)))["contact/u2"] == "1 conversations that stay"
    assert reasons(take_back(rehearsal, Selection(phase=2))) == {"company/c1": "1 contacts that stay"}
    assert objects(rehearsal, "conversation") == [conversation]
    assert take_back(rehearsal).exit_code == 0
    assert settled(rehearsal) == set()


# --- what a person did since


def test_a_conversation_that_a_person_went_on_with_stays_with_all_that_it_needs(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    rehearsal.apply()
    number = id_of(rehearsal, "conversation/t1")
    note = {"message_type": "note", "type": "admin", "admin_id": rehearsal.ids.other, "body": "<p>Secret words</p>"}
    by_hand(rehearsal, "POST", f"/conversations/{number}/reply", note)

    result = take_back(rehearsal)
    assert (result.state, result.exit_code) == ("finished", 4)
    assert reasons(result) == {
        "conversation/t1": "1 messages that are not ours",
        "contact/u2": "1 conversations that stay",
        "company/c1": "1 contacts that stay",
        "tag/urgent": "1 records that stay use it",
        "data_attribute/contact/login": "1 records that stay use it",
        **{f"conversation_attribute/{name}": "1 records that stay use it" for name in ("Created", "Priority")},
        "conversation_attribute/Ticket number": "1 records that stay use it",
    }
    assert [record["title"] for record in objects(rehearsal, "conversation")] == ["Title 1"]
    assert [record["external_id"] for record in objects(rehearsal, "contact")] == ["u2"]
    assert "Secret" not in json.dumps(result.as_dict())

    assert take_back(rehearsal).exit_code == 4
    assert take_back(rehearsal, include_changed=True).exit_code == 0
    assert settled(rehearsal) == set()
    assert rehearsal.workspace.counts()["conversations"] == 0


CHANGES: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("conversation/t1", "PUT", "", {"title": "Mine"}, "another title"),
    ("conversation/t2", "POST", "/tags", {"id": "{tag}", "admin_id": "{other}"}, "other tags"),
    (
        "conversation/t5",
        "POST",
        "/parts",
        {"message_type": "assignment", "type": "admin", "admin_id": "{other}", "assignee_id": "{admin}"},
        "another assignment, another state",
    ),
    ("conversation/t8", "POST", "/parts", {"message_type": "open", "admin_id": "{other}"}, "another state"),
    (
        "conversation/t6",
        "POST",
        "/customers",
        {"admin_id": "{other}", "customer": {"intercom_user_id": "{contact}"}},
        "other participants",
    ),
    ("contact/x1", "PUT", "", {"name": "Renamed Person"}, "other values: name"),
    ("contact/x2", "PUT", "", {"custom_attributes": {"login": "x"}}, "other values: login"),
    ("contact/x3", "POST", "/tags", {"id": "{tag}"}, "other tags"),
    ("company/x", "PUT", "", {"name": "Renamed"}, "other values: name"),
    ("tag/unused", "POST", "", {"id": "{}", "name": "renamed"}, "another name"),
    ("conversation_attribute/Unused", "PUT", "", {"name": "Renamed"}, "another name"),
]
PATHS = {
    "conversation": "/conversations/{}",
    "contact": "/contacts/{}",
    "company": "/companies/{}",
    "tag": "/tags",
    "conversation_attribute": "/conversations/attributes/{}",
}


def with_unused(rehearsal: Rehearsal) -> None:
    """Add contacts, a company and definitions that nothing else in the plan needs."""
    lines = {line.slot: line for line in rehearsal.plan.lines}

    def add(like: str, slot: str, **payload: Any) -> None:
        line = replace(lines[like], slot=slot, lane=slot, creates=slot, on_conflict=None)
        rehearsal.plan.lines.append(replace(line, payload={**line.payload, **payload}))

    for number in (1, 2, 3):
        add("contact/u1", f"contact/x{number}", external_id=f"x{number}", email=f"x{number}@example.com")
    add("company/c1", "company/x", company_id="x")
    add("tag/urgent", "tag/unused", name="unused")
    add("conversation_attribute/Created", "conversation_attribute/Unused", name="Unused")
    rehearsal.build()


def test_what_a_person_changed_is_kept_and_said_without_its_value(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    with_unused(rehearsal)
    rehearsal.apply()
    names = {
        "{tag}": id_of(rehearsal, "tag/SLA: Gold"),
        "{contact}": id_of(rehearsal, "contact/x1"),
        "{admin}": rehearsal.ids.admin,
        "{other}": rehearsal.ids.other,
    }
    for slot, method, path, payload, _ in CHANGES:
        number = id_of(rehearsal, slot)
        text = json.dumps(payload)
        for name, value in {**names, "{}": number}.items():
            text = text.replace(f'"{name}"', f'"{value}"')
        by_hand(rehearsal, method, PATHS[slot.partition("/")[0]].format(number) + path, json.loads(text))
    result = take_back(rehearsal)
    said = reasons(result)
    assert {slot: said[slot] for slot, *_ in CHANGES} == {
        slot: f"{why}, 1 conversations that stay" if slot == "contact/x1" else why for slot, *_, why in CHANGES
    }
    assert "Renamed" not in json.dumps(result.as_dict())
    assert take_back(rehearsal, include_changed=True).exit_code == 0
    assert settled(rehearsal) == set()


def test_a_value_that_a_person_has_set_is_not_emptied(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False, tickets=range(1, 2))
    for name in ("Priority", "Created", "Ticket number"):
        rehearsal.plan.change(f"conversation/t1/attribute/{name}", phase=6)
    rehearsal.build()
    rehearsal.apply()
    path = f"/conversations/{id_of(rehearsal, 'conversation/t1')}"
    by_hand(rehearsal, "PUT", path, {"custom_attributes": {"Priority": "by a person"}})
    rehearsal.plan.change(
        "conversation/t1/attribute/Ticket number", content="changed", payload={"custom_attributes": {}}
    )
    rehearsal.build()
    assert reasons(take_back(rehearsal, Selection(phase=6))) == {
        "conversation/t1/attribute/Priority": "another value of Priority",
        "conversation/t1/attribute/Ticket number": "what was sent to it is not in the warehouse any more",
    }
    assert set(by_hand(rehearsal, "GET", path)["custom_attributes"]) == {"Priority", "Ticket number"}
    assert take_back(rehearsal, Selection(phase=6), include_changed=True).exit_code == 0
    assert by_hand(rehearsal, "GET", path)["custom_attributes"] == {}


def test_a_snooze_that_ended_by_itself_is_no_change(rehearse: Rehearse) -> None:
    started: list[Rehearsal] = []
    rehearsal = rehearse(tickets=range(1, 2), clock=lambda: started[0].clock.time() if started else 0.0)
    started.append(rehearsal)
    rehearsal.apply()
    rehearsal.clock.slept = 4_000_000_000.0
    assert take_back(rehearsal).kept == ()


def test_a_later_part_without_a_text_is_a_change(rehearse: Rehearse) -> None:
    """Closed and closed again by a person: only the time of the part tells."""
    started: list[Rehearsal] = []
    moved = [0.0]
    rehearsal = rehearse(tickets=range(2, 3), clock=lambda: (started[0].clock.time() if started else 0.0) + moved[0])
    started.append(rehearsal)
    rehearsal.apply()
    moved[0] = 3600.0
    close = {"message_type": "close", "type": "admin", "admin_id": rehearsal.ids.other}
    by_hand(rehearsal, "POST", f"/conversations/{id_of(rehearsal, 'conversation/t2')}/parts", close)
    assert reasons(take_back(rehearsal))["conversation/t2"] == "a later part of type close"


def test_a_contact_and_a_company_that_others_need_are_kept(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    theirs = by_hand(rehearsal, "POST", "/contacts", {"role": "user", "external_id": "theirs"})["id"]
    by_hand(rehearsal, "POST", f"/contacts/{theirs}/companies", {"id": id_of(rehearsal, "company/c1")})
    by_hand(rehearsal, "POST", f"/contacts/{theirs}/tags", {"id": id_of(rehearsal, "tag/urgent")})
    started = {"from": {"type": "user", "id": id_of(rehearsal, "contact/u3")}, "body": "A new question"}
    by_hand(rehearsal, "POST", "/conversations", started)
    result = take_back(rehearsal)
    assert reasons(result) == {
        "contact/u3": "1 conversations that stay",
        "company/c1": "1 contacts that stay",
        "company/c2": "1 contacts that stay",
        "tag/urgent": "1 contacts that stay have it",
        "data_attribute/contact/login": "1 records that stay use it",
    }


def test_the_messages_that_may_link_to_stored_files_are_counted_once(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = rehearse(build=False, tickets=range(1, 2))
    films = {f"stored_file/{name}" for name in "abc" if rehearsal.plan.keep_outside(name, name.encode())}
    rehearsal.build()
    rehearsal.apply()
    counted: list[str] = []
    real = Desk._users

    def counting(self: Desk, thing: Thing) -> int:
        counted.append(thing.kind)
        return real(self, thing)

    monkeypatch.setattr(Desk, "_users", counting)
    why = reasons(take_back(rehearsal, Selection(phase=1)))
    assert {why[slot] for slot in films} == {"4 records that stay use it"}
    assert counted.count("file.store") == 1
    take_back(rehearsal)
    assert settled(rehearsal) == set()


def test_a_stored_file_stays_when_the_warehouse_was_loaded_into_another_workspace(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False, tickets=range(1, 2))
    path = rehearsal.plan.keep_outside("film", b"moving")
    rehearsal.build()
    rehearsal.apply()
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("insert into raw_ledger.loads values ('production', 7, now()::timestamp)")
    result = take_back(rehearsal, include_changed=True)
    why = "conversations of another workspace may link to it: production"
    assert reasons(result) == {"stored_file/film": why}
    assert (rehearsal.folder / "files" / path).is_file()
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("delete from raw_ledger.loads where workspace_id = 'production'")
    assert take_back(rehearsal).exit_code == 0
    assert not (rehearsal.folder / "files" / path).exists()


def test_what_intercom_needs_still_is_kept_with_its_reason(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), depended_on=frozenset({"urgent", "login"}))
    rehearsal.apply()
    result = take_back(rehearsal)
    assert {one.slot: one.why.rpartition(" (")[2] for one in result.kept} == {
        "tag/urgent": "400 tag_has_dependent_objects)",
        "data_attribute/contact/login": "422 data_invalid)",
    }
    assert all(one.request_id for one in result.kept)


# --- what was there before


KNOWN = {"role": "user", "external_id": "older", "email": "person1@example.com", "name": "Known", "phone": "+4930"}


def adopting(rehearse: Rehearse, **options: Any) -> Rehearsal:
    """A contact, a company, a tag, and a membership that are there before the load; the load changes their values."""
    rehearsal = rehearse(tickets=range(1, 2), company_attributes_must_exist=False, **options)
    rehearsal.workspace.seed(
        contacts=[KNOWN], tags=[{"name": "urgent"}], attributes=[{"name": "Created", "data_type": "datetime"}]
    )
    company = by_hand(rehearsal, "POST", "/companies", {"company_id": "c2", "name": "Known before"})["id"]
    (contact,) = by_hand(rehearsal, "GET", "/contacts")["data"]
    by_hand(rehearsal, "POST", f"/contacts/{contact['id']}/companies", {"id": company})
    for key in ("contact/u1", "company/c2"):
        conflict = {
            "name": "As planned",
            "custom_attributes": {"login": "u1"} if key == "contact/u1" else {"city": "B"},
        }
        rehearsal.plan.change(key, on_conflict=conflict)
    path, payload = "/contacts/{contact/u1}/tags", {"id": {"$ref": "tag/SLA: Gold"}}
    slot = "contact/u1/tag/SLA: Gold"
    rehearsal.plan.lines.append(Line(slot, 4, "contact/u1", 1, "contact.tag", "POST", path, payload, None, "undo"))
    rehearsal.build()
    return rehearsal


def test_what_was_adopted_gets_its_former_values_back(rehearse: Rehearse) -> None:
    rehearsal = adopting(rehearse)
    before = rehearsal.content()
    extract(rehearsal)
    rehearsal.apply()
    assert {record["name"] for record in objects(rehearsal, "contact")} >= {"As planned"}
    result = take_back(rehearsal)
    assert (result.exit_code, result.kept) == (0, ())
    assert rehearsal.content() == before
    assert {kind: result.proved[kind] for kind in ("contact.upsert", "company.upsert", "contact.tag")} == {
        "contact.upsert": 5,
        "company.upsert": 2,
        "contact.tag": 1,
    }
    assert settled(rehearsal) == set()


def test_an_extract_of_what_the_load_had_changed_is_not_taken_for_former_values(rehearse: Rehearse) -> None:
    rehearsal = adopting(rehearse)
    before = rehearsal.content()
    extract(rehearsal)
    for number in (2, 3):
        rehearsal.apply()
        extract(rehearsal, number)
        assert take_back(rehearsal).exit_code == 0
        assert rehearsal.content() == before


def test_without_an_extract_of_before_an_adopted_record_is_listed(rehearse: Rehearse) -> None:
    rehearsal = adopting(rehearse)
    rehearsal.apply()
    result = take_back(rehearsal)
    assert {slot: why for slot, why in reasons(result).items() if slot.startswith(("contact/", "company/"))} == {
        "contact/u1": "no extract from before the load holds its former values",
        "company/c2": "no extract from before the load holds its former values",
    }


def test_an_adopted_record_that_a_person_changed_stays_as_it_is(rehearse: Rehearse) -> None:
    rehearsal = adopting(rehearse)
    extract(rehearsal)
    rehearsal.apply()
    by_hand(rehearsal, "PUT", f"/contacts/{id_of(rehearsal, 'contact/u1')}", {"name": "A person's choice"})
    result = take_back(rehearsal)
    assert reasons(result)["contact/u1"] == "other values: name"
    take_back(rehearsal, include_changed=True)
    assert [record["name"] for record in objects(rehearsal, "contact")] == ["Known"]


# --- when things go wrong


def test_a_company_is_waited_for_until_it_is_archived(rehearse: Rehearse) -> None:
    started: list[Rehearsal] = []
    rehearsal = rehearse(
        tickets=range(1, 2), company_archival=45.0, clock=lambda: started[0].clock.time() if started else 0.0
    )
    started.append(rehearsal)
    rehearsal.apply()
    result = take_back(rehearsal)
    assert (result.exit_code, result.proved["company.upsert"]) == (0, 2)
    assert rehearsal.clock.slept >= 45.0


def test_what_is_still_there_at_the_end_is_a_failure(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), company_archival=10**6)
    rehearsal.apply()
    result = take_back(rehearsal)
    assert (result.state, result.exit_code) == ("stopped", 4)
    assert {one.slot for one in result.still_there} == {"company/c1", "company/c2"}
    with rehearsal.workspace.transaction() as tx:
        tx.execute("update companies_in_archival set since = 0")
    again = take_back(rehearsal)
    assert (again.exit_code, again.written, again.proved["company.upsert"]) == (0, {}, 2)


REMOVALS = [
    ("DELETE", "/articles/{article_id}"),
    ("DELETE", "/help_center/collections/{collection_id}"),
    ("DELETE", "/conversations/{conversation_id}"),
    ("DELETE", "/contacts/{contact_id}"),
    ("DELETE", "/companies/{company_id}"),
    ("DELETE", "/tags/{tag_id}"),
    ("DELETE", "/conversations/attributes/{id}"),
    ("PUT", "/data_attributes/{data_attribute_id}"),
]


@pytest.mark.parametrize(("do", "when"), [("drop", "before"), ("drop", "after_commit"), ("status:503", "after_commit")])
def test_answers_that_are_lost_cost_nothing(rehearse: Rehearse, do: str, when: Any) -> None:
    rehearsal = rehearse()
    before = rehearsal.content()
    rehearsal.apply()
    faults = [{"method": method, "path": path, "when": when, "do": do} for method, path in REMOVALS]
    httpx.post(f"{rehearsal.base_url}/_simulator/faults", json=faults).raise_for_status()
    result = take_back(rehearsal)
    assert (result.state, result.exit_code) == ("finished", 0)
    assert rehearsal.content() == before
    assert result.figures["retries"] >= len(REMOVALS)


def test_a_revoked_token_and_ctrl_c_stop_it_and_it_goes_on_later(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    before = rehearsal.content()
    rehearsal.apply()
    revoked = {"method": "DELETE", "path": "/conversations/{conversation_id}", "nth": 2, "do": "status:401"}
    httpx.post(f"{rehearsal.base_url}/_simulator/faults", json=revoked).raise_for_status()
    stopped = take_back(rehearsal)
    assert (stopped.state, stopped.exit_code) == ("stopped", 3)

    def interrupt(tick: Tick) -> None:
        if tick.done == 3:
            raise KeyboardInterrupt

    interrupted = take_back(rehearsal, on_tick=interrupt)
    assert (interrupted.state, interrupted.exit_code) == ("interrupted", 130)
    assert take_back(rehearsal).exit_code == 0
    assert rehearsal.content() == before


class Killed(BaseException):
    """What a kill leaves behind is what was durable; nothing else of the process matters."""


class DidNotDieError(Exception):
    """The work was done before the moment came."""


@contextmanager
def killed_at(
    monkeypatch: pytest.MonkeyPatch, place: type, name: str, nth: int, counts: Callable[..., bool]
) -> Iterator[None]:
    """The process ends when a method is about to be called for the nth time; no later call takes effect either."""
    real = getattr(place, name)
    lock, seen = threading.Lock(), [0]

    def deadly(self: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            seen[0] += bool(counts(*args, **kwargs))
            if seen[0] >= nth:
                raise Killed
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, deadly)
        try:
            yield
        except Killed:
            return
        raise DidNotDieError


def before_call(method: str, *_: Any, **__: Any) -> bool:
    return method in {"DELETE", "PUT"}


def before_receipt(_intent: Any, outcome: str, **_: Any) -> bool:
    return outcome == "answered"


BOUNDARIES: list[tuple[type, str, Callable[..., bool]]] = [
    (Client, "call", before_call),
    (Ledger, "close_intent", before_receipt),
]


@pytest.mark.parametrize(("place", "name", "counts"), BOUNDARIES, ids=["before the call", "before the receipt"])
def test_killed_again_and_again_it_ends_as_if_it_had_not_been(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, place: type, name: str, counts: Callable[..., bool]
) -> None:
    rehearsal = rehearse()
    before = rehearsal.content()
    rehearsal.apply()
    kills = 0
    with suppress(DidNotDieError):
        while True:
            with killed_at(monkeypatch, place, name, 3, counts):
                take_back(rehearsal, workers=2)
            kills += 1
    assert kills >= 4
    result = take_back(rehearsal)
    assert (result.state, result.exit_code, result.written) == ("finished", 0, {})
    assert rehearsal.content() == before
    assert settled(rehearsal) == set()


@pytest.mark.parametrize("nth", [1, 14, 24])
@pytest.mark.parametrize(("place", "name", "counts"), BOUNDARIES, ids=["before the call", "before the receipt"])
def test_a_load_goes_on_after_a_rollback_that_was_killed(
    rehearse: Rehearse,
    monkeypatch: pytest.MonkeyPatch,
    nth: int,
    place: type,
    name: str,
    counts: Callable[..., bool],
) -> None:
    rehearsal = rehearse()
    rehearsal.apply()
    loaded = rehearsal.content()
    with killed_at(monkeypatch, place, name, nth, counts):
        take_back(rehearsal)
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.content() == loaded
    assert rehearsal.apply().plan.total == 0


def test_a_rollback_of_another_part_does_not_forget_the_call_of_one_that_was_killed(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    rehearsal.apply()
    loaded = rehearsal.content()
    with killed_at(monkeypatch, Ledger, "close_intent", 1, before_receipt):
        take_back(rehearsal, Selection(conversation="t1"))
    assert take_back(rehearsal, Selection(conversation="t2")).exit_code == 0
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.content() == loaded


def test_a_load_after_a_rollback_that_was_killed_waits_for_all_companies_together(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = rehearse(build=False, tickets=range(1, 2))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "company/c1")
    for number in (3, 4, 5):
        key, payload = f"company/c{number}", {"company_id": f"c{number}", "name": f"Company {number}"}
        rehearsal.plan.lines.append(replace(line, slot=key, lane=key, creates=key, payload=payload))
    rehearsal.build()
    rehearsal.apply()

    def of_company(method: str, path: str, *_: Any, **__: Any) -> bool:
        return method == "DELETE" and path.startswith("/companies/")

    with killed_at(monkeypatch, Client, "call", 1, of_company):
        take_back(rehearsal)
    with Ledger(rehearsal.ledger) as ledger:
        assert len(ledger.open_intents()) > 1
    before = rehearsal.clock.slept
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.clock.slept - before < 1.5 * sum(LAG)


@pytest.mark.parametrize(("place", "name", "counts"), BOUNDARIES, ids=["before the call", "before the receipt"])
def test_killed_while_former_values_are_given_back(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, place: type, name: str, counts: Callable[..., bool]
) -> None:
    rehearsal = adopting(rehearse)
    before = rehearsal.content()
    extract(rehearsal)
    rehearsal.apply()
    loaded = rehearsal.content()
    for phase in (4, 3):
        with killed_at(monkeypatch, place, name, 1, counts):
            take_back(rehearsal, Selection(phase=phase))
        assert rehearsal.apply().exit_code == 0
        assert rehearsal.content() == loaded
    with killed_at(monkeypatch, place, name, 3, counts):
        take_back(rehearsal, Selection(phase=3))
    assert take_back(rehearsal).exit_code == 0
    assert rehearsal.content() == before


LOADS = [
    ("POST", "/tags", 1),
    ("POST", "/companies", 2),
    ("POST", "/contacts", 3),
    ("POST", "/conversations", 4),
    ("POST", "/conversations/{conversation_id}/reply", 5),
    ("POST", "/conversations/{conversation_id}/tags", 2),
    ("POST", "/articles", 1),
]


@pytest.mark.parametrize(("method", "path", "nth"), LOADS)
def test_what_a_killed_load_made_without_a_receipt_is_taken_back(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, method: str, path: str, nth: int
) -> None:
    rehearsal = rehearse(tickets=range(1, 5))
    extract(rehearsal)
    before = rehearsal.content()

    def is_made(*_: Any, **__: Any) -> bool:
        return bool(rehearsal.workspace.accepted_writes().get((method, path), 0) >= nth)

    with killed_at(monkeypatch, Ledger, "close_intent", 1, is_made):
        rehearsal.apply(workers=1)
    result = take_back(rehearsal)
    assert (result.state, result.exit_code, result.kept) == ("finished", 0, ())
    assert rehearsal.content() == before


# --- guards and the command


def test_a_rollback_is_refused_before_it_writes(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    with pytest.raises(NotInLedgerError, match="there is no ledger"):
        take_back(rehearsal)
    rehearsal.apply()
    written = rehearsal.accepted()
    with pytest.raises(NotInLedgerError, match="no run abc"):
        take_back(rehearsal, Selection(run="abc"))
    with pytest.raises(NotInLedgerError, match="holds no conversation/t99"):
        take_back(rehearsal, Selection(conversation="t99"))
    with exclusive(rehearsal.ledger), pytest.raises(LedgerInUseError):
        take_back(rehearsal)
    rehearsal.intercom = {"workspace_id": "another"}
    with pytest.raises(WorkspaceError, match="belongs to workspace wslittle"):
        take_back(rehearsal)
    assert rehearsal.accepted() == written


def test_a_load_that_ends_just_before_the_rollback_holds_the_ledger_is_known_to_it(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    with Ledger(rehearsal.ledger):
        pass

    @contextmanager
    def held(path: Path) -> Iterator[None]:
        rehearsal.apply()
        with exclusive(path):
            yield

    monkeypatch.setattr("load.rollback.run.exclusive", held)
    assert take_back(rehearsal).exit_code == 0
    assert settled(rehearsal) == set()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rehearsal], None]:
    def into_environment(rehearsal: Rehearsal) -> None:
        settings = rehearsal.settings
        for name, value in (
            ("INTERCOM__ACCESS_TOKEN", settings.intercom.access_token),
            ("INTERCOM__BASE_URL", settings.intercom.base_url),
            ("INTERCOM__WORKSPACE_ID", settings.intercom.workspace_id),
            ("WAREHOUSE__PATH", str(settings.warehouse)),
            ("LEDGER__PATH", str(settings.ledger)),
        ):
            monkeypatch.setenv(name, value)

    return into_environment


def test_the_command_writes_only_when_told_to(rehearse: Rehearse, use: Callable[[Rehearsal], None]) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    use(rehearsal)
    written = rehearsal.accepted()
    run = CliRunner().invoke
    assert run(app, ["rollback"]).exit_code == 2
    shown = run(app, ["rollback", "--everything"])
    assert (shown.exit_code, rehearsal.accepted()) == (0, written)
    assert "goes with its conversation or contact" in " ".join(shown.stdout.split())
    assert "18 calls take it back" in shown.stderr
    told = json.loads(run(app, ["rollback", "--phase", "help centre", "--json"]).stdout)
    assert {(count["kind"], count["number"]) for count in told["counts"]} == {
        ("article.create", 2),
        ("collection.create", 2),
    }
    assert run(app, ["rollback", "--phase", "nonsense"]).exit_code == 3
    done = run(app, ["rollback", "--everything", "--execute"])
    assert (done.exit_code, rehearsal.workspace.counts()["contacts"]) == (0, 0)
    assert "nothing of it is left" in done.stderr


def test_the_command_lists_what_was_kept(rehearse: Rehearse, use: Callable[[Rehearsal], None]) -> None:
    rehearsal = rehearse(tickets=range(1, 2), depended_on=frozenset({"urgent"}))
    rehearsal.apply()
    use(rehearsal)
    done = CliRunner().invoke(app, ["rollback", "--everything", "--execute", "--json"])
    assert done.exit_code == 4
    told = json.loads(done.stdout)
    assert [one["slot"] for one in told["kept"]] == ["tag/urgent"]
    assert "Kept: tag/urgent" in done.stderr


# --- links between conversations


def link(rehearsal: Rehearsal, number: int, *others: int) -> str:
    """Let a conversation of the plan name others by their ids, as a link does; returns its slot."""
    lane = f"conversation/t{number}"
    slot = f"{lane}/attribute/Links"
    text = [part for other in others for part in ("see ", {"$ref": f"conversation/t{other}", "default": "not loaded"})]
    payload = {"custom_attributes": {"Ticket number": {"$concat": text}}}
    path = f"/conversations/{{{lane}}}"
    rehearsal.plan.lines.append(Line(slot, 6, lane, 0, "conversation.attribute", "PUT", path, payload))
    return slot


def link_text(rehearsal: Rehearsal, number: int) -> str:
    path = f"/conversations/{id_of(rehearsal, f'conversation/t{number}')}"
    return str(by_hand(rehearsal, "GET", path)["custom_attributes"]["Ticket number"])


def test_a_link_names_the_conversation_that_was_loaded_again(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 4), build=False)
    link(rehearsal, 1, 2, 3)
    link(rehearsal, 3, 1)
    rehearsal.build()
    rehearsal.apply()
    former = id_of(rehearsal, "conversation/t2")
    take_back(rehearsal, Selection(conversation="t2"))
    result = rehearsal.apply()
    assert result.written == result.plan.writes
    assert result.plan.phases[-1].writes == {"conversation.attribute": 1}
    later = id_of(rehearsal, "conversation/t2")
    assert later != former
    assert link_text(rehearsal, 1) == f"see {later}see {id_of(rehearsal, 'conversation/t3')}"
    assert rehearsal.apply().plan.total == 0


def test_a_link_to_a_conversation_that_stays_taken_back_is_none_any_more(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 3), build=False)
    link(rehearsal, 1, 2)
    rehearsal.build()
    rehearsal.apply()
    take_back(rehearsal, Selection(conversation="t2"))
    for line in [line for line in rehearsal.plan.lines if line.slot.startswith("conversation/t2")]:
        rehearsal.plan.drop(line.slot)
    rehearsal.build()
    assert rehearsal.apply().written == {"conversation.attribute": 1}
    assert link_text(rehearsal, 1) == "see not loaded"
    assert rehearsal.apply().plan.total == 0


def test_a_link_sent_while_its_conversation_was_refused_is_set_once_that_is_loaded(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 3), build=False)
    link(rehearsal, 1, 2)
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "conversation/t2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "body": ""})
    rehearsal.build()
    assert rehearsal.apply().exit_code == 4
    assert link_text(rehearsal, 1) == "see not loaded"
    rehearsal.plan.change(line.slot, payload=line.payload)
    rehearsal.build()
    rehearsal.apply()
    assert rehearsal.apply().written == {"conversation.attribute": 1}
    assert link_text(rehearsal, 1) == f"see {id_of(rehearsal, 'conversation/t2')}"
    assert rehearsal.apply().plan.total == 0


# --- what the operator is told


def test_a_conversation_is_found_by_its_number(rehearse: Rehearse, use: Callable[[Rehearsal], None]) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    rehearsal.apply()
    use(rehearsal)
    run = CliRunner().invoke
    unknown = run(app, ["rollback", "--conversation", "2011000009"])
    assert unknown.exit_code == 3
    assert "intercom.selectable_conversations" in unknown.stderr
    by_number = run(app, ["rollback", "--conversation", "2011000002", "--json"])
    by_key = run(app, ["rollback", "--conversation", "conversation/t2", "--json"])
    assert json.loads(by_number.stdout)["counts"] == json.loads(by_key.stdout)["counts"]
    assert run(app, ["rollback", "--conversation", "2011000002", "--execute"]).exit_code == 0
    assert {record["title"] for record in objects(rehearsal, "conversation")} == {"Title 1"}
    gone = run(app, ["rollback", "--conversation", "2011000002"])
    assert (gone.exit_code, "taken back already" in gone.stderr) == (3, True)


def test_a_number_of_several_conversations_names_their_keys(
    rehearse: Rehearse, use: Callable[[Rehearsal], None]
) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    rehearsal.apply()
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("update intercom.selectable_conversations set number = '7'")
    use(rehearsal)
    told = CliRunner().invoke(app, ["rollback", "--conversation", "7"])
    assert (told.exit_code, "t1, t2" in told.stderr) == (3, True)


def test_status_says_of_a_rollback_that_was_killed_how_it_goes_on(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    rehearsal.apply()
    with killed_at(monkeypatch, Ledger, "close_intent", 1, before_receipt):
        take_back(
            rehearsal,
            Selection(conversation="t1", phase=5),
            workers=1,
            include_changed=True,
            retain_metrics=False,
        )
    status = read_status(rehearsal.ledger)
    assert "1 call has no answer; the same rollback, or an apply, looks it up first." in screen_of(status)
    assert (next_step(status) or "").endswith(
        "rollback --phase 5 --conversation t1 --include-changed --no-retain-metrics --execute  (goes on from here)"
    )


def test_status_tells_what_a_rollback_has_kept_and_why(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 3), depended_on=frozenset({"urgent"}))
    rehearsal.apply()
    number = id_of(rehearsal, "conversation/t1")
    by_hand(rehearsal, "PUT", f"/conversations/{number}", {"title": "Mine"})
    take_back(rehearsal)
    status = read_status(rehearsal.ledger)
    assert status.run is not None
    assert (status.run.kept, status.run.kept_why["another title"]) == (8, 1)
    text = screen_of(status)
    assert "Kept: 8, by their first reason: 5 records that stay use it" in text
    assert "left over" not in text.casefold()
    assert (next_step(status) or "").endswith(
        "rollback --everything --execute --include-changed takes back what a person has changed, too"
    )
    json.dumps(status.as_dict())

    take_back(rehearsal, Selection(phase=1), include_changed=True)
    assert next_step(read_status(rehearsal.ledger)) == "look at what was kept, and why"
    take_back(rehearsal, Selection(phase=5), include_changed=True)
    status = read_status(rehearsal.ledger)
    assert status.run is not None
    assert status.run.kept == 0
    assert (next_step(status) or "").endswith("plan  (no build is needed)")


def screen_of(status: Status) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(rendered(status))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_progress_names_phases_and_its_last_lines_are_complete(
    rehearse: Rehearse, use: Callable[[Rehearsal], None]
) -> None:
    rehearsal = rehearse(tickets=range(1, 3))
    rehearsal.apply()
    use(rehearsal)
    done = CliRunner().invoke(app, ["rollback", "--everything", "--execute"])
    lines = re.findall(r"^([a-z ]+): (\d+) of (\d+)$", done.stderr, re.MULTILINE)
    last = {name: (done, total) for name, done, total in lines}
    assert list(last) == ["help centre", "conversations", "contacts", "companies", "definitions", "proving"]
    for name in ("definitions", "proving"):
        assert last[name][0] == last[name][1]
    assert "no build is needed" in done.stderr
