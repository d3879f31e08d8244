"""Whatever is lost, doubled, moved or excluded without reason closes the gate; so does an open decision."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from built_warehouse import Built, Dbt, change, hashes, last_gate, rows

# One that is an article, not only its files.
A_REPLY = """(
    select min(slot) from intercom.requests
    where kind = 'conversation.reply' and regexp_matches(slot, '/part/otrs:article:[0-9]+$')
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
SWAP = "update {table} set {column} = case {key} when (select one from two) then (select other_is from two) \
else (select one_is from two) end where {key} in (select one from two union all select other from two)"


def swapped(table: str, key: str, column: str, where: str = "true") -> list[str]:
    """Return the statements that give two rows each other's value."""
    rows = f"(select {key} as key, {column} as value from {table} where {where})"
    return [
        (
            "create temp table two as select one.key as one, one.value as one_is, other.key as other,"
            f" other.value as other_is from {rows} as one inner join {rows} as other on one.value != other.value"
            f" where one.key = (select min(key) from {rows}) order by other.key limit 1"
        ),
        SWAP.format(table=table, key=key, column=column),
    ]


PLACES = ("placements", "conservation")
PLAN = ("conversations", "conversation_parts", "part_files", "requests", *PLACES)
"""Models that are computed anew from what was spoiled; everything before them stays spoiled."""

A_TICKET = "(select min(otrs_ticket_id) from intercom.conversations)"
AN_ARTICLE = f"(select min(source_id)::bigint from intercom.requests where slot = {A_REPLY})"
A_CONTACT = "(select min(contact_key) from intercom.contact_identities)"

SPOILED: dict[str, tuple[list[str], tuple[str, ...], set[str]]] = {
    # Where the plan goes.
    "ledger: the receipts are of another workspace": (
        ["delete from raw_ledger.workspace", "insert into raw_ledger.workspace values ('another', 'US')"],
        (),
        {"plan_is_of_one_workspace"},
    ),
    # What was read: staging shows it as it stands.
    "raw: a row is lost": (
        [f"delete from raw_otrs_1.article where id = {AN_ARTICLE}"],
        ("source_records", *PLACES),
        {"every_row_of_the_source_was_read", "every_record_is_in_exactly_one_place"},
    ),
    "raw: a row is lost and all that follows forgets it": (
        [f"delete from raw_otrs_1.article where id = {AN_ARTICLE}",
         f"delete from reconciliation.placements where source_table = 'article' and source_id = {AN_ARTICLE}::varchar"],
        ("source_records", "conservation"),
        {"every_row_of_the_source_was_read"},
    ),
    "raw: a row is doubled": (
        [f"insert into raw_otrs_1.ticket select * from raw_otrs_1.ticket where id = {A_TICKET}"],
        ("source_records", *PLACES),
        {"every_row_of_the_source_was_read", "every_record_is_in_exactly_one_place", "staging_keys_identify_rows"},
    ),
    "raw: two texts are swapped": (
        swapped("raw_otrs_1.article_data_mime", "article_id", "a_body",
                "article_id in (select otrs_article_id from intercom.conversation_parts where body_format = 'text')"),
        ("fields",),
        {"fields_are_as_in_the_source"},
    ),
    "raw: two titles are swapped": (
        swapped("raw_otrs_1.ticket", "id", "title", "id in (select otrs_ticket_id from intercom.conversations)"),
        ("fields",),
        {"fields_are_as_in_the_source"},
    ),
    "raw: a file is cut short": (
        [("update otrs_attachment_store.attachment_contents set size = size - 1 where attachment_key = "
         "(select min(file_key) from intercom.part_files)")],
        ("source_records", *PLACES, "fields"),
        {"bytes_of_files_are_conserved", "files_are_with_their_article", "fields_are_as_in_the_source"},
    ),
    # Between: what was decided, before the final tables are made of it.
    "intermediate: a part is lost": (
        [f"delete from intermediate.int_parts_placed where article_id = {AN_ARTICLE}"],
        PLAN,
        {"every_record_is_in_exactly_one_place"},
    ),
    "intermediate: a part is doubled": (
        [("insert into intermediate.int_parts_placed select * from intermediate.int_parts_placed"
         f" where article_id = {AN_ARTICLE}")],
        PLAN,
        {"is_key_conversation_parts_part_key", "every_record_is_in_exactly_one_place", "is_key_requests_slot"},
    ),
    "intermediate: two parts are swapped": (
        [("create temp table two as select a.part_key as one, b.part_key as other, a.ticket_position as one_is,"
         " b.ticket_position as other_is from intermediate.int_parts_placed as a"
         " inner join intermediate.int_parts_placed as b"
         " on a.ticket_id = b.ticket_id and b.ticket_position = a.ticket_position + 1"
         " where a.ticket_position > 0 and a.article_id != b.article_id order by a.part_key limit 1"),
         SWAP.format(table="intermediate.int_parts_placed", key="part_key", column="ticket_position")],
        PLAN,
        {"parts_are_in_the_order_of_articles"},
    ),
    "intermediate: two texts are swapped": (
        swapped("intermediate.int_articles_rendered", "article_id", "body", "part_type = 'admin_comment'"),
        ("conversation_parts", "requests", "fields"),
        {"fields_are_as_in_the_source"},
    ),
    "intermediate: two files are swapped": (
        swapped("intermediate.int_files_decided", "file_key", "article_id", "exclusion_code is null"),
        PLAN,
        {"files_are_with_their_article"},
    ),
    "intermediate: a file is lost": (
        [f"delete from intermediate.int_files_decided where file_key = {A_FILE}"],
        PLAN,
        {"every_record_is_in_exactly_one_place", "bytes_of_files_are_conserved"},
    ),
    "intermediate: a file stays behind for a reason that is not true": (
        [f"update intermediate.int_files_decided set exclusion_code = 'file_missing' where file_key = {A_FILE}"],
        PLAN,
        {"exclusions_are_justified"},
    ),
    "intermediate: a ticket stays behind without being decided so": (
        [f"update intermediate.int_tickets_decided set is_loaded = false where ticket_id = {A_TICKET}"],
        PLAN,
        {"exclusions_are_justified"},
    ),
    "intermediate: a customer is lost": (
        [f"delete from intermediate.int_customer_users_merged where contact_key = {A_CONTACT}"],
        ("contact_identities", *PLACES),
        {"every_record_is_in_exactly_one_place"},
    ),
    # The final tables.
    "final: a part is lost": (
        [f"delete from intercom.conversation_parts where part_key = regexp_extract({A_REPLY}, '/part/(.+)$', 1)"],
        PLACES,
        {"every_record_is_in_exactly_one_place", "requests_say_what_the_parts_say"},
    ),
    "final: a part is doubled": (
        [("insert into intercom.conversation_parts select * from intercom.conversation_parts"
         f" where part_key = regexp_extract({A_REPLY}, '/part/(.+)$', 1)")],
        (),
        {"is_key_conversation_parts_part_key"},
    ),
    "final: two parts are swapped": (
        [TWO_PARTS,
         ("update intercom.conversation_parts set position = (select other_at from two)"
         " where part_key = (select one from two)"),
         ("update intercom.conversation_parts set position = (select one_at from two)"
         " where part_key = (select other from two)")],
        (),
        {"parts_are_in_the_order_of_articles", "requests_say_what_the_parts_say"},
    ),
    "final: a file is lost": (
        [f"delete from intercom.part_files where file_key = {A_FILE}"],
        (),
        {"final_tables_and_the_plan_agree"},
    ),
    "final: a file is doubled": (
        [f"insert into intercom.part_files select * from intercom.part_files where file_key = {A_FILE}"],
        (),
        {"is_key_part_files_file_key", "final_keys_identify_rows"},
    ),
    "final: two files are swapped": (
        [TWO_FILES,
         "update intercom.part_files set part_key = (select other_at from two) where file_key = (select one from two)",
         "update intercom.part_files set part_key = (select one_at from two) where file_key = (select other from two)"],
        (),
        {"files_are_with_their_article"},
    ),
    "final: a conversation, a contact, a company, a membership and a tag are lost": (
        [f"delete from intercom.conversations where otrs_ticket_id = {A_TICKET}",
         f"delete from intercom.contacts where contact_key = {A_CONTACT}",
         "delete from intercom.companies where company_key = (select min(company_key) from intercom.companies)",
         ("delete from intercom.contact_companies where contact_key = (select max(contact_key)"
         " from intercom.contact_companies)"),
         "delete from intercom.tags where tag_name = (select min(tag_name) from intercom.tags)"],
        PLACES,
        {"every_record_is_in_exactly_one_place", "final_tables_and_the_plan_agree"},
    ),
    "final: a company is doubled": (
        ["insert into intercom.companies select * from intercom.companies order by company_key limit 1"],
        PLACES,
        {"is_key_companies_company_key", "final_tables_and_the_plan_agree", "every_record_is_in_exactly_one_place"},
    ),
    "final: two people are swapped": (
        swapped("intercom.contacts", "contact_key", "name", "contact_key like 'otrs:customer_user:%'"),
        ("requests", "fields"),
        {"fields_are_as_in_the_source"},
    ),
    # The plan.
    "plan: a request is lost": (
        [f"delete from intercom.requests where slot = {A_REPLY}"],
        PLACES,
        {"every_record_is_in_exactly_one_place", "requests_say_what_the_parts_say"},
    ),
    "plan: a text names a conversation that nobody makes": (
        ["""update intercom.requests set payload = '{"custom_attributes": {"OTRS continues":
         {"$concat": ["Conversation ", {"$ref": "conversation/otrs:ticket:0"}]}}}'
         where slot = (select min(slot) from intercom.requests where kind = 'conversation.attribute')"""],
        (),
        {"refs_point_to_what_the_plan_creates"},
    ),
    "plan: a request that creates a conversation is lost": (
        [("delete from intercom.requests where slot = 'conversation/' || (select min(conversation_key)"
         " from intercom.conversations)")],
        PLACES,
        {"every_record_is_in_exactly_one_place", "requests_say_what_the_parts_say",
         "refs_point_to_what_the_plan_creates", "final_tables_and_the_plan_agree"},
    ),
    "plan: a contact is lost": (
        [("delete from intercom.requests where slot = (select min(slot) from intercom.requests"
         " where kind = 'contact.upsert' and source_table = 'customer_user')")],
        PLACES,
        {"every_record_is_in_exactly_one_place", "final_tables_and_the_plan_agree"},
    ),
    "plan: a request is doubled": (
        [f"insert into intercom.requests select * from intercom.requests where slot = {A_REPLY}"],
        PLACES,
        {"is_key_requests_slot", "every_record_is_in_exactly_one_place"},
    ),
    "plan: a request is doubled under another slot": (
        [(f"insert into intercom.requests select * replace (slot || ':again' as slot, position + 1000 as position)"
         f" from intercom.requests where slot = {A_REPLY}")],
        (),
        {"requests_say_what_the_parts_say"},
    ),
    "plan: two requests are swapped": (
        [TWO_REPLIES,
         "update intercom.requests set position = (select other_at from two) where slot = (select one from two)",
         "update intercom.requests set position = (select one_at from two) where slot = (select other from two)"],
        (),
        {"parts_are_in_the_order_of_articles", "requests_say_what_the_parts_say"},
    ),
    "plan: two requests say each other's words": (
        [TWO_REPLIES,
         ("create temp table said as select slot, payload from intercom.requests"
         " where slot in (select one from two union all select other from two)"),
         ("update intercom.requests set payload = (select payload from said where slot = (select other from two))"
         " where slot = (select one from two)"),
         ("update intercom.requests set payload = (select payload from said where slot = (select one from two))"
         " where slot = (select other from two)")],
        ("fields",),
        {"requests_say_what_the_parts_say", "fields_are_as_in_the_source"},
    ),
    "plan: two files are swapped": (
        [TWO_FILES,
         ("update intercom.requests set payload = replace(replace(replace(payload::varchar, (select one from two),"
         " 'both'), (select other from two), (select one from two)), 'both', (select other from two))::json"
         " where kind = 'conversation.reply'")],
        (),
        {"files_are_with_their_article"},
    ),
    "plan: the state of a ticket is another": (
        ["""update intercom.requests set payload = json_merge_patch(payload, '{"message_type": "close"}')
         where slot = (select min(slot) from intercom.requests where kind = 'conversation.state'
         and (payload ->> '$.message_type') != 'close')"""],
        ("fields",),
        {"fields_are_as_in_the_source"},
    ),
    # The balance itself.
    "places: a record is in two places": (
        [("insert into reconciliation.placements select * replace ('inventory' as place, 'roles' as detail)"
         " from reconciliation.placements where place = 'request' limit 1")],
        (),
        {"every_record_is_in_exactly_one_place"},
    ),
    "places: a record is lost and excused": (
        [(f"insert into reconciliation.placements select source_table, source_id, 'exclusion', 'ticket_not_loaded',"
         f" null from intercom.requests where slot = {A_REPLY}"),
         f"delete from intercom.requests where slot = {A_REPLY}"],
        (),
        {"exclusions_are_justified"},
    ),
    "places: a reason has no sentence": (
        ["delete from reconciliation.exclusion_reasons where reason_code = 'html_body'"],
        (),
        {"exclusions_are_justified"},
    ),
    "places: nothing proves a reason": (
        ["insert into reconciliation.exclusion_reasons values ('because', 'Somebody wanted it so.')"],
        (),
        {"exclusions_are_justified"},
    ),
}  # fmt: skip
"""What is spoiled, which models are made anew after it, and the tests that have to notice."""


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
    tests = sorted(set().union(*(expected for _, _, expected in SPOILED.values())))
    assert dbt.failing(built.copy(tmp_path), *PLACES, *tests) == set()
    assert rows(built.warehouse, "select count(*) from raw_otrs_1.ticket") == rows(
        built.warehouse, "select count(*) from raw_otrs.ticket"
    )


@pytest.mark.parametrize("spoiled", SPOILED)
def test_tests_fail_when(spoiled: str, built: Built, tmp_path: Path) -> None:
    statements, models, expected = SPOILED[spoiled]
    warehouse = built.copy(tmp_path)
    change(warehouse, *statements)
    built.compute_again(warehouse, models)
    assert built.complaining(warehouse, expected) == expected


def test_every_reason_of_an_exclusion_is_proved(built: Built, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = built.copy(tmp_path)
    change(
        warehouse,
        "create temp table excused as"
        # of what is loaded, one record of each table for each reason
        " select p.source_table, min(p.source_id) as source_id, 'exclusion' as place, r.reason_code as detail,"
        " null::bigint as bytes from reconciliation.placements p cross join reconciliation.exclusion_reasons r"
        " where p.place = 'request' group by all",
        "insert into reconciliation.placements select * from excused",
    )
    [(wrong,)] = rows(
        warehouse,
        "select count(distinct source_table) * (select count(*) from reconciliation.exclusion_reasons)"
        " from reconciliation.placements where place = 'request'",
    )
    assert wrong > 20
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
        dbt.build(warehouse)

    gate = last_gate(warehouse)
    assert gate["passed"] is False
    assert set(gate["blockers"].split(", ")) == {
        "mapping_of_priorities_is_confirmed",
        "needed_agents_have_a_teammate",
        # his tickets are assigned to somebody else than was decided
        "fields_are_as_in_the_source",
    }
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
    dbt.build(warehouse, "--empty")
    gate = last_gate(warehouse)
    assert gate["passed"] is False
    assert gate["blockers"].split(", ")[-1] == "only a part of the project was built"
