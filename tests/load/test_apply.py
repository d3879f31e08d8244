"""A load from nothing, its repetition, and what happens to records that do not fit."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import duckdb
import httpx
import pytest
from killed import Loads
from rehearsals import Rehearsal, Rehearse

from load import warehouse
from load.guards import spool_bytes
from load.plan import spool_of
from load.simulator import Fault

REPLY = "/conversations/{conversation_id}/reply"


def read(rehearsal: Rehearsal, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(rehearsal.ledger) as db:
        return db.execute(sql).fetchall()


def test_what_is_announced_is_what_is_accepted(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    result = rehearsal.apply()
    assert (result.state, result.exit_code) == ("finished", 0)
    assert dict(result.written) == result.plan.writes
    accepted = rehearsal.workspace.accepted_writes()
    assert sum(accepted.values()) == result.plan.total
    assert accepted["POST", "/conversations"] == result.plan.writes["conversation.create"] == 8
    assert accepted["POST", REPLY] == result.plan.writes["conversation.reply"]
    parts = result.plan.writes["conversation.assignment"] + result.plan.writes["conversation.state"]
    assert accepted["POST", "/conversations/{conversation_id}/parts"] == parts


def test_a_second_apply_sends_nothing(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.apply()
    before = rehearsal.accepted()
    rehearsal.build()
    second = rehearsal.apply()
    assert second.plan.total == 0
    assert rehearsal.accepted() == before
    assert second.plan.settled == second.plan.rows == len(rehearsal.plan.lines)


def test_attributes_of_a_conversation_travel_as_one_call(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    assert rehearsal.workspace.accepted_writes()["PUT", "/conversations/{conversation_id}"] == 1
    (loaded,) = (record for record in rehearsal.content() if record["object"] == "conversation")
    assert loaded["title"] == "Title 1"
    assert loaded["custom_attributes"]["Priority"] == "3 normal"
    assert loaded["company"] == "c1"
    settled = read(rehearsal, "select count(*) from settled where kind = 'conversation.attribute'")
    assert settled == [(5,)]


def test_only_the_attributes_that_changed_travel(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    slot = "conversation/t1/attribute/Priority"
    rehearsal.plan.change(slot, payload={"custom_attributes": {"Priority": "5 very high"}})
    rehearsal.build()
    assert rehearsal.apply().written == {"conversation.attribute": 1}
    (loaded,) = (record for record in rehearsal.content() if record["object"] == "conversation")
    assert loaded["custom_attributes"]["Priority"] == "5 very high"


def test_values_go_there_and_back_again(rehearse: Rehearse) -> None:
    """Attribute A, B, A and a tag on, off, on: each comes out as the latest plan says."""
    rehearsal = rehearse(tickets=range(2, 3))
    slot, tag = "conversation/t2/attribute/Priority", "conversation/t2/tag/urgent"
    (tag_line,) = (line for line in rehearsal.plan.lines if line.slot == tag)
    rehearsal.apply()
    for value, tagged in (("1 low", False), ("3 normal", True), ("1 low", False), ("3 normal", True)):
        rehearsal.plan.change(slot, payload={"custom_attributes": {"Priority": value}})
        rehearsal.plan.drop(tag)
        if tagged:
            rehearsal.plan.lines.append(tag_line)
        rehearsal.build()
        result = rehearsal.apply()
        assert result.exit_code == 0
        assert rehearsal.apply().plan.total == 0
        (loaded,) = (record for record in rehearsal.content() if record["object"] == "conversation")
        assert loaded["custom_attributes"]["Priority"] == value
        assert [name for name in ("urgent",) if name in str(loaded["tags"])] == (["urgent"] if tagged else [])


def test_a_new_reply_to_a_closed_conversation_is_followed_by_closing_it_again(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(2, 3))
    late = [line for line in rehearsal.plan.lines if line.slot.endswith("part/a2-3")]
    rehearsal.plan.drop(late[0].slot)
    rehearsal.build()
    rehearsal.apply()
    rehearsal.plan.lines.extend(late)
    rehearsal.build()
    result = rehearsal.apply()
    assert result.written == {"conversation.reply": 1, "conversation.state": 1}
    (loaded,) = (record for record in rehearsal.content() if record["object"] == "conversation")
    assert loaded["state"] == "closed"
    assert rehearsal.apply().plan.total == 0


def test_an_open_state_needs_no_call_until_it_was_another(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(3, 4))
    assert "conversation.state" not in rehearsal.apply().written
    assert read(rehearsal, "select outcome from settled where slot = 'conversation/t3/state'") == [("implied",)]
    admin = rehearsal.ids.admin
    for message_type, state in (("close", "closed"), ("open", "open")):
        payload = {"message_type": message_type, "admin_id": admin, "type": "admin"}
        rehearsal.plan.change("conversation/t3/state", payload=payload)
        rehearsal.build()
        assert rehearsal.apply().written == {"conversation.state": 1}
        (loaded,) = (record for record in rehearsal.content() if record["object"] == "conversation")
        assert loaded["state"] == state


def test_a_reply_that_changed_after_it_was_sent_is_listed_and_not_sent(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    (line,) = (line for line in rehearsal.plan.lines if line.slot.endswith("part/a1-1"))
    rehearsal.plan.change(line.slot, payload={**line.payload, "body": "<p>Edited</p>"})
    rehearsal.build()
    plan = rehearsal.apply().plan
    assert plan.total == 0
    assert plan.changed.first == [line.slot]


def test_a_contact_that_changed_is_updated_in_place(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u1")
    rehearsal.plan.change(line.slot, payload={**line.payload, "name": "Renamed"})
    rehearsal.build()
    result = rehearsal.apply()
    assert result.written == {"contact.upsert": 1}
    assert rehearsal.workspace.accepted_writes()["PUT", "/contacts/{contact_id}"] == 1
    assert rehearsal.workspace.counts()["contacts"] == 5
    outcomes = read(rehearsal, "select outcome from settled where slot = 'contact/u1'")
    assert outcomes == [("created",)]


def test_a_contact_that_exists_is_adopted_and_keeps_its_external_id(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.workspace.seed(
        contacts=[{"role": "user", "external_id": "older", "email": "person1@example.com", "name": "Known before"}]
    )
    result = rehearsal.apply()
    assert result.exit_code == 0
    assert result.written == result.plan.writes
    (contact,) = (r for r in rehearsal.content() if r["object"] == "contact" and r["email"] == "person1@example.com")
    assert (contact["external_id"], contact["name"]) == ("older", "Person 1")
    assert read(rehearsal, "select outcome from settled where slot = 'contact/u1'") == [("adopted",)]


def test_two_people_of_the_plan_never_become_one_contact(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u4")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "person1@example.com"})
    rehearsal.build()
    result = rehearsal.apply(workers=1)
    assert result.exit_code == 4
    assert read(rehearsal, "select code from dead_letters where slot = 'contact/u4'") == [
        ("contact_of_another_record",)
    ]


def test_attributes_and_tags_that_exist_are_adopted(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.workspace.seed(
        attributes=[{"name": "Priority", "data_type": "string"}, {"name": "login", "model": "contact"}],
        tags=[{"name": "URGENT"}],
    )
    result = rehearsal.apply()
    assert (result.exit_code, result.adopted) == (
        0,
        {"conversation_attribute.create": 1, "data_attribute.create": 1},
    )
    adopted = read(rehearsal, "select slot from settled where outcome = 'adopted' order by slot")
    assert [slot for (slot,) in adopted] == [
        "conversation_attribute/Priority",
        "data_attribute/contact/login",
        "tag/urgent",
    ]


def test_a_refused_record_stops_its_lane_and_nothing_else(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    (line,) = (line for line in rehearsal.plan.lines if line.slot.endswith("part/a2-2"))
    rehearsal.plan.change(line.slot, payload={**line.payload, "admin_id": "1"})
    rehearsal.build()
    result = rehearsal.apply()
    assert (result.state, result.exit_code) == ("finished", 4)
    letters = read(rehearsal, "select slot, reason, cause_slot, status > 0 from dead_letters order by reason desc")
    assert letters[0] == (line.slot, "refused", None, 1)
    assert {(reason, cause) for _, reason, cause, _ in letters[1:]} == {("depends", line.slot)}
    assert all(slot.startswith("conversation/t2/") for slot, *_ in letters)
    assert rehearsal.workspace.counts()["conversations"] == 8
    (request_id,) = read(rehearsal, "select request_id from dead_letters where reason = 'refused'")[0]
    assert request_id


def test_what_depends_on_a_refused_record_names_it(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
    rehearsal.build()
    assert rehearsal.apply().exit_code == 4
    letters = dict(read(rehearsal, "select slot, cause_slot from dead_letters"))
    assert letters["contact/u2"] is None
    assert letters["contact/u2/company/c1"] == "contact/u2"
    assert letters["conversation/t1"] == "contact/u2"
    assert letters["conversation/t1/state"] == "contact/u2"


def test_what_was_left_over_waits_for_retry_or_for_another_payload(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]]
) -> None:
    rehearsal = rehearse()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
    rehearsal.build()
    rehearsal.apply()
    waiting = rehearsal.apply()
    assert (waiting.plan.total, waiting.exit_code) == (0, 4)
    assert waiting.plan.held.count == len(read(rehearsal, "select slot from dead_letters"))
    retried = rehearsal.apply(retry_failed=True)
    assert retried.exit_code == 4
    assert retried.plan.total > 0
    rehearsal.plan.change(line.slot, payload=line.payload)
    rehearsal.build()
    mended = rehearsal.apply()
    assert (mended.exit_code, dict(mended.written)) == (0, mended.plan.writes)
    assert rehearsal.content() == undisturbed
    assert read(rehearsal, "select count(*) from dead_letters") == [(0,)]


def test_customers_words_are_never_taken_for_templates(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    words = json.dumps({"$ref": "contact/u1"}) + " {contact/u1} {conversation/t1} $file {{ x }}"
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "conversation/t1")
    rehearsal.plan.change(line.slot, payload={**line.payload, "body": words})
    rehearsal.plan.change("conversation/t1/title", payload={"title": words})
    rehearsal.build()
    assert rehearsal.apply().exit_code == 0
    (loaded,) = (record for record in rehearsal.content() if record["object"] == "conversation")
    assert (loaded["title"], loaded["body"]) == (words, words)


def test_files_arrive_byte_by_byte_and_their_spool_is_gone(rehearse: Rehearse) -> None:
    import hashlib  # noqa: PLC0415

    rehearsal = rehearse()
    rehearsal.apply()
    content = str(rehearsal.content())
    for bytes_of_file in rehearsal.plan.files.values():
        assert hashlib.sha256(bytes_of_file).hexdigest() in content
    assert not spool_of(rehearsal.ledger).exists()


def test_files_that_a_killed_load_had_under_way_are_gone_after_the_next(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(2, 3))
    spool = spool_of(rehearsal.ledger)
    with Loads() as loads:
        place = {"slot": "conversation/t2/part/a2-2", "action": "send", "boundary": "after the intent"}
        assert loads.run(rehearsal.folder, rehearsal.base_url, **place) == -9
    assert spool.stat().st_mode & 0o777 == 0o700
    assert any(path.is_file() for path in spool.glob("*/*"))
    assert rehearsal.apply().exit_code == 0
    assert not spool.exists()


def test_no_more_files_are_read_ahead_than_the_disk_was_looked_at_for(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "BATCH_BYTES", 100_000)
    rehearsal = rehearse(build=False, tickets=range(2, 22, 2))  # each second ticket has a file
    rehearsal.plan.files = dict.fromkeys(rehearsal.plan.files, b"x" * 90_000)
    rehearsal.build()
    spooled: list[int] = []
    read = warehouse.spool_files

    def seen(*args: Any) -> Iterator[str]:
        yield from read(*args)
        spooled.append(0)
        for folder in spool_of(rehearsal.ledger).iterdir():
            with suppress(NotADirectoryError, FileNotFoundError):  # a lane that has just ended
                spooled[-1] += sum(file.stat().st_size for file in folder.iterdir())

    monkeypatch.setattr(warehouse, "spool_files", seen)
    assert rehearsal.apply().exit_code == 0
    assert len(spooled) > 10
    assert max(spooled) <= spool_bytes(10 * 90_000, 90_000)


def test_a_missing_file_is_a_dead_letter(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(2, 3))
    rehearsal.plan.files.clear()
    rehearsal.build()
    assert rehearsal.apply().exit_code == 4
    assert read(rehearsal, "select code from dead_letters where reason = 'refused'") == [("file_missing",)]


def test_the_ledger_holds_no_words_addresses_or_secrets(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address of Person"})
    rehearsal.build()
    rehearsal.apply()
    with sqlite3.connect(rehearsal.ledger) as db:
        text = "\n".join(db.iterdump())
    for word in (
        "Question",
        "Answer",
        "example.com",
        "Person",
        "made-up",
        "log 2.bin",
        "3 normal",
        "Title",
        "no address",
    ):
        assert word not in text, word


def test_receipts_are_in_the_warehouse_afterwards(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    result = rehearsal.apply()
    with duckdb.connect(str(rehearsal.warehouse), read_only=True) as db:
        rows = db.execute("select count(*), count(distinct slot), min(received_at) from raw_ledger.receipts").fetchone()
        assert rows is not None
        assert rows[0] == rows[1] == result.published.receipts == len(rehearsal.plan.lines)
        assert rows[2].year >= 2024
        assert db.execute("select workspace_id, region from raw_ledger.workspace").fetchall() == [("wslittle", "US")]


def test_a_revoked_token_stops_the_run_and_nothing_is_lost(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]]
) -> None:
    rehearsal = rehearse(faults=(Fault("POST", REPLY, nth=9, do="status:401", times=1),))
    result = rehearsal.apply()
    assert (result.state, result.exit_code) == ("stopped", 3)
    assert "token" in (result.reason or "")
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.content() == undisturbed


def test_an_intercom_that_is_away_stops_the_run(rehearse: Rehearse, undisturbed: list[dict[str, Any]]) -> None:
    rehearsal = rehearse(faults=(Fault("*", "/conversations.*", nth=10, do="drop", times=10_000),))
    result = rehearsal.apply(workers=3)
    assert (result.state, result.exit_code) == ("stopped", 4)
    assert "not answered" in (result.reason or "")
    httpx.delete(f"{rehearsal.base_url}/_simulator/faults")
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.content() == undisturbed


def test_one_record_that_is_never_answered_does_not_stop_a_single_worker(rehearse: Rehearse) -> None:
    never = Fault("POST", "/conversations/500/reply", times=10_000, do="status:500")
    rehearsal = rehearse(tickets=range(1, 4), faults=(never,))
    for _ in range(2):
        result = rehearsal.apply(workers=1)
        assert (result.state, result.exit_code, result.left_over["unanswered"]) == ("finished", 4, 1)
    assert rehearsal.workspace.counts()["conversations"] == 3


@pytest.mark.parametrize("status", [429, 500])
def test_refusals_of_the_moment_are_waited_out(
    rehearse: Rehearse, undisturbed: list[dict[str, Any]], status: int
) -> None:
    started: list[Rehearsal] = []
    fault = Fault("*", ".*", nth=5, do=f"status:{status}", times=3)
    rehearsal = rehearse(faults=(fault,), clock=lambda: started[0].clock.time() if started else 0.0)
    started.append(rehearsal)
    result = rehearsal.apply()
    assert (result.exit_code, result.figures["retries"]) == (0, 3)
    assert rehearsal.content() == undisturbed


def test_a_contact_that_intercom_does_not_know_yet_is_waited_for(rehearse: Rehearse) -> None:
    started: list[Rehearsal] = []
    rehearsal = rehearse(contact_lag=3.0, clock=lambda: started[0].clock.time() if started else 0.0)
    started.append(rehearsal)
    assert rehearsal.apply().exit_code == 0
    assert rehearsal.clock.slept >= 1.0


def test_a_rate_limit_is_kept_without_a_single_refusal(rehearse: Rehearse) -> None:
    started: list[Rehearsal] = []
    rehearsal = rehearse(rate_limit=60, clock=lambda: started[0].clock.time() if started else 0.0)
    started.append(rehearsal)
    result = rehearsal.apply()
    assert result.exit_code == 0
    assert result.figures["rate_limited"] == 0
    assert rehearsal.workspace.counts()["throttled"] == 0
