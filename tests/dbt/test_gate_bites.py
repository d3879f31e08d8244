"""Whatever is lost, doubled, moved or excluded without reason closes the gate; so does an open decision."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from built_warehouse import Built, Dbt, change, hashes, last_gate, rows

pytestmark = pytest.mark.xdist_group("dbt_build")

# One that is an article, not only its files.
A_REPLY = """(
    select min(slot) from intercom.requests where kind = 'conversation.reply' and slot not like '%:files:%'
)"""
A_FILE = "(select min(file_key) from intercom.part_files)"
# Two neighbours of one conversation that are two articles.
TWO_REPLIES = """
    create temp table two as
    select a.slot as one, b.slot as other, a.position as one_at, b.position as other_at
    from intercom.requests as a
    inner join intercom.requests as b on a.lane = b.lane and b.position = a.position + 1
    where a.kind = 'conversation.reply' and b.kind = 'conversation.reply' and a.source_id != b.source_id
    order by a.slot limit 1
"""
TWO_PARTS = """
    create temp table two as
    select a.part_key as one, b.part_key as other, a.position as one_at, b.position as other_at
    from intercom.conversation_parts as a
    inner join intercom.conversation_parts as b
        on a.conversation_key = b.conversation_key and b.position = a.position + 1
    where a.position > 0 and a.otrs_article_id != b.otrs_article_id
    order by a.part_key limit 1
"""
TWO_FILES = """
    create temp table two as
    select a.file_key as one, b.file_key as other, a.part_key as one_at, b.part_key as other_at
    from intercom.part_files as a
    inner join intercom.part_files as b on a.part_key < b.part_key
    order by a.file_key limit 1
"""
PLACES = ("placements", "conservation")
"""Models that are computed anew from what was spoiled, each with the tests that read it."""

SPOILED = {
    "a request is lost": (
        [f"delete from intercom.requests where slot = {A_REPLY}"],
        {"every_record_is_in_exactly_one_place", "requests_say_what_the_parts_say"},
    ),
    "a request that creates a conversation is lost": (
        [("delete from intercom.requests where slot = 'conversation/' || (select min(conversation_key)"
         " from intercom.conversations)")],
        {"every_record_is_in_exactly_one_place", "requests_say_what_the_parts_say",
         "refs_point_to_what_the_plan_creates"},
    ),
    "a contact is lost": (
        [("delete from intercom.requests where slot = (select min(slot) from intercom.requests"
         " where kind = 'contact.upsert' and source_table = 'customer_user')")],
        {"every_record_is_in_exactly_one_place"},
    ),
    "a request is doubled": (
        [f"insert into intercom.requests select * from intercom.requests where slot = {A_REPLY}"],
        {"is_key_requests_slot"},
    ),
    "a request is doubled under another slot": (
        [(f"insert into intercom.requests select * replace (slot || ':again' as slot, position + 1000 as position)"
         f" from intercom.requests where slot = {A_REPLY}")],
        {"requests_say_what_the_parts_say"},
    ),
    "two requests are swapped": (
        [TWO_REPLIES,
         "update intercom.requests set position = (select other_at from two) where slot = (select one from two)",
         "update intercom.requests set position = (select one_at from two) where slot = (select other from two)"],
        {"parts_are_in_the_order_of_articles", "requests_say_what_the_parts_say"},
    ),
    "two requests say each other's words": (
        [TWO_REPLIES,
         ("create temp table said as select slot, payload from intercom.requests"
         " where slot in (select one from two union all select other from two)"),
         ("update intercom.requests set payload = (select payload from said where slot = (select other from two))"
         " where slot = (select one from two)"),
         ("update intercom.requests set payload = (select payload from said where slot = (select one from two))"
         " where slot = (select other from two)")],
        {"requests_say_what_the_parts_say"},
    ),
    "a part is lost": (
        [f"delete from intercom.conversation_parts where part_key = regexp_extract({A_REPLY}, '/part/(.+)$', 1)"],
        {"every_record_is_in_exactly_one_place", "requests_say_what_the_parts_say"},
    ),
    "a part is doubled": (
        [("insert into intercom.conversation_parts select * from intercom.conversation_parts"
         f" where part_key = regexp_extract({A_REPLY}, '/part/(.+)$', 1)")],
        {"is_key_conversation_parts_part_key"},
    ),
    "two parts are swapped": (
        [TWO_PARTS,
         ("update intercom.conversation_parts set position = (select other_at from two)"
         " where part_key = (select one from two)"),
         ("update intercom.conversation_parts set position = (select one_at from two)"
         " where part_key = (select other from two)")],
        {"parts_are_in_the_order_of_articles", "requests_say_what_the_parts_say"},
    ),
    "a file is lost": (
        [f"delete from intercom.part_files where file_key = {A_FILE}"],
        {"every_record_is_in_exactly_one_place", "bytes_of_files_are_conserved"},
    ),
    "a file is doubled": (
        [f"insert into intercom.part_files select * from intercom.part_files where file_key = {A_FILE}"],
        {"is_key_part_files_file_key"},
    ),
    "two files are swapped": (
        [TWO_FILES,
         "update intercom.part_files set part_key = (select other_at from two) where file_key = (select one from two)",
         "update intercom.part_files set part_key = (select one_at from two) where file_key = (select other from two)"],
        {"files_are_with_their_article"},
    ),
    "two files are swapped in the plan": (
        [TWO_FILES,
         ("update intercom.requests set payload = replace(replace(replace(payload::varchar, (select one from two),"
         " 'both'), (select other from two), (select one from two)), 'both', (select other from two))::json"
         " where kind = 'conversation.reply'")],
        {"files_are_with_their_article"},
    ),
    "a record is lost and excused": (
        [(f"insert into reconciliation.exclusions select source_table, source_id, 'ticket_not_loaded', 'so that it is"
         f" green', null from intercom.requests where slot = {A_REPLY}"),
         f"delete from intercom.requests where slot = {A_REPLY}"],
        {"exclusions_are_justified"},
    ),
}  # fmt: skip


@contextmanager
def unconfirmed(seed: Path, key: str, value: str) -> Iterator[None]:
    """Take back the confirmation of one decision."""
    before = seed.read_text(encoding="utf-8")
    lines = list(csv.DictReader(before.splitlines()))
    for line in lines:
        if line[key] == value:
            line["decision"] = "proposed"
    with seed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    yield
    seed.write_text(before, encoding="utf-8")


def test_nothing_fails_before_anything_is_spoiled(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    tests = sorted(set().union(*(expected for _, expected in SPOILED.values())))
    assert dbt.failing(built.copy(tmp_path), *PLACES, *tests) == set()


@pytest.mark.parametrize("spoiled", SPOILED)
def test_tests_fail_when(spoiled: str, built: Built, dbt: Dbt, tmp_path: Path) -> None:
    statements, expected = SPOILED[spoiled]
    warehouse = built.copy(tmp_path)
    change(warehouse, *statements)
    assert dbt.failing(warehouse, *PLACES, *expected) >= expected


def test_every_reason_of_an_exclusion_is_proved(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    change(
        warehouse,
        "create or replace table reconciliation.exclusions as"
        # of what is loaded, one record of each table for each reason
        " select p.source_table, min(p.source_id) as source_id, r.reason_code, min(r.reason) as reason,"
        " null::bigint as bytes from reconciliation.placements p cross join reconciliation.exclusion_reasons r"
        " where p.place = 'request' and p.source_table in ('ticket', 'article', 'article_data_mime_attachment')"
        " group by all",
    )
    [(wrong,)] = rows(warehouse, "select count(*) from reconciliation.exclusions")
    reasons = rows(warehouse, "select count(*) from reconciliation.exclusion_reasons")[0][0]
    assert wrong == 3 * reasons
    dbt.run(warehouse, "test", "--select", "exclusions_are_justified")
    assert dbt.complaints == {"exclusions_are_justified": wrong}


def test_an_open_decision_and_an_agent_without_teammate_close_the_gate(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    [(admin,)] = rows(
        warehouse,
        "select admin_id from intercom.conversation_parts where part_type = 'admin_comment' and admin_id != '1'"
        " group by admin_id order by count(*) desc, admin_id limit 1",
    )
    [(priority,)] = rows(warehouse, "select min(ticket_priority_id)::varchar from staging.stg_otrs__tickets")
    change(warehouse, f"delete from raw_intercom.admins where id = '{admin}'")
    with unconfirmed(built.project / "seeds" / "mapping" / "ticket_priorities.csv", "otrs_priority_id", priority):
        dbt.run(warehouse, "build")

    gate = last_gate(warehouse)
    assert gate["passed"] is False
    assert set(gate["blockers"].split(", ")) == {"mapping_of_priorities_is_confirmed", "needed_agents_have_a_teammate"}
    # Who speaks is no value of OTRS, and neither is a decision: nothing is due again, but the change can be seen.
    was, now = hashes(built.warehouse), hashes(warehouse)
    assert {slot for slot in was.keys() ^ now.keys() if not slot.endswith("/teammate")} == set()
    assert [slot for slot in was.keys() & now.keys() if was[slot][0] != now[slot][0]] == []
    assert [slot for slot in was.keys() & now.keys() if was[slot][1] != now[slot][1]] != []
    assert gate["plan_hash"] != last_gate(built.warehouse)["plan_hash"]


def test_the_same_data_give_the_same_plan(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    change(warehouse, "delete from intercom.requests")
    assert set(dbt.run(warehouse, "run", "--select", "path:models/intermediate", "path:models/intercom").values()) == {
        "success"
    }
    assert hashes(warehouse) == hashes(built.warehouse)
    assert rows(warehouse, "select plan_hash from intercom.plan_hash") == [(last_gate(warehouse)["plan_hash"],)]


def test_a_part_of_a_build_never_opens_the_gate(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    assert "fail" not in dbt.run(warehouse, "build", "--select", "requests").values()
    gate = last_gate(warehouse)
    assert gate["passed"] is False
    assert gate["blockers"] == "only a part of the project was built"


def test_a_build_of_no_rows_never_opens_the_gate(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    dbt.run(warehouse, "build", "--empty")
    assert last_gate(warehouse)["passed"] is False
