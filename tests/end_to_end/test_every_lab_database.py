"""Every real database goes from its server to a verified load, and what arrives is what its ground truth counts.

What is known to differ is listed with its reason (``known_deviations``) and asserted exactly: a deviation that
comes or goes fails a test.
"""

import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support import truth_of_fields, truth_of_inventories
from support.pipeline import Loaded, writes_per_kind
from support.truth import (
    DATABASES,
    WELCOME_ARTICLE,
    Truth,
    articles_in,
    body_files_in,
    chats_in,
    customers_in,
    deviating,
    differing,
    field_values_in,
    files_in,
    known_deviations,
    mails_in,
    misread_types,
    tickets_in,
)

pytestmark = [
    pytest.mark.lab,
    pytest.mark.parametrize("lab_database", DATABASES, indirect=True, scope="session"),
]

# Where a company's change time was made MySQL's zero date.
ZERO_DATES = {"znuny65-mysql-a", "znuny65-mysql-b", "otrs5-mysql"}

FILE_SIZE_LIMIT = 20 * 1024 * 1024

ATTACHMENT = "article_data_mime_attachment"

# Tables of OTRS 5 whose rows stand in others since OTRS 6.
RESHAPED = {"article", "dynamic_field_value"}

# The truth's own row count says that the item's second version is there; its API answered from a cache.
KNOWN_OF_INVENTORIES = {
    ("znuny65-mysql-b", "differing_config_items"): [
        (
            "configuration item 2: ('Computer', '1022000002', 'PC-0002', 'Production', 'Operational', 1),"
            " ('Computer', '1022000002', 'PC-0002', 'Production', 'Operational', 2) in the inventory"
        )
    ],
}

EXPECTED_REASONS = {
    *("ticket_not_loaded", "html_body", "html_body_of_plain_comment", "plain_body", "raw_mail_of_loaded_article"),
    *("customer_row_missing", "secret_of_a_customer", "value_of_another_login", "preference_empty"),
    "orphan_field_value",  # of tickets that the maker of the OTRS 5 database left out
    *("bookkeeping_of_the_xml_store", "setting_is_the_default", "kind_that_nothing_has", "service_not_valid"),
}


def test_no_finding_of_the_doctor_is_a_problem(loaded: Loaded) -> None:
    assert [finding for finding in loaded.findings if finding["level"] == "problem"] == []


def test_every_table_has_the_rows_that_the_truth_counts(loaded: Loaded, truth: Truth) -> None:
    counted = dict(loaded.pipeline.sql("select table_name, row_count from raw_otrs.source_tables"))
    assert {name: counted.get(name) for name in truth.table_rows} == truth.table_rows


def test_tickets_are_as_many_per_state_queue_and_so_on(loaded: Loaded, truth: Truth) -> None:
    tickets = tickets_in(loaded.pipeline.sql, truth.database.zone).values()
    counted = {what: Counter(ticket[what] for ticket in tickets) for what in truth.tickets_per}
    assert counted == truth.tickets_per


def test_every_ticket_is_the_one_of_the_truth(loaded: Loaded, truth: Truth) -> None:
    found = tickets_in(loaded.pipeline.sql, truth.database.zone)
    assert len(found) == truth.table_rows["ticket"]
    assert set(differing(found, truth.tickets)) == deviating(truth, truth.tickets)


def test_listed_tickets_have_their_dynamic_fields_watchers_and_articles_in_order(loaded: Loaded, truth: Truth) -> None:
    found = tickets_in(loaded.pipeline.sql, truth.database.zone)
    assert set(differing(found, truth.listed_tickets)) == deviating(truth, truth.listed_tickets)


def test_articles_are_the_same_per_channel_sender_and_visibility(loaded: Loaded, truth: Truth) -> None:
    counted = loaded.pipeline.sql(
        "select concat_ws('|', channel, sender_type, is_visible_for_customer::int), count(*)"
        " from intermediate.int_articles_unified group by 1"
    )
    assert dict(counted) == truth.articles_per_class


def test_every_article_has_its_ticket_its_kind_its_time_and_its_body(loaded: Loaded, truth: Truth) -> None:
    found = articles_in(loaded.pipeline.sql, truth.database.zone)
    assert found.keys() == truth.articles.keys()
    assert set(differing(found, truth.articles)) == deviating(truth, truth.articles)


def test_listed_articles_have_their_addresses_subject_epoch_and_dynamic_fields(loaded: Loaded, truth: Truth) -> None:
    found = articles_in(loaded.pipeline.sql, truth.database.zone)
    assert set(differing(found, truth.listed_articles)) == deviating(truth, truth.listed_articles)


def test_every_article_was_created_in_the_second_that_its_epoch_says(loaded: Loaded, truth: Truth) -> None:
    found = articles_in(loaded.pipeline.sql, truth.database.zone)
    chats = {article for article, row in truth.articles.items() if row["channel"] == "Chat"}
    received = {article: row for article, row in found.items() if row["incoming_time"] is not None}
    assert received.keys() | chats == found.keys()
    different = {article for article, row in received.items() if row["incoming_time"] != row["created_epoch"]}
    assert different == {WELCOME_ARTICLE} & found.keys()


def test_every_ticket_was_created_in_the_second_that_its_epoch_says(loaded: Loaded, truth: Truth) -> None:
    epochs = dict(loaded.pipeline.sql("select tn, create_time_unix from raw_otrs.ticket"))
    if not truth.database.is_otrs_5:
        assert set(epochs.values()) == {None}, "OTRS 6 did away with it"
        return
    found = tickets_in(loaded.pipeline.sql, truth.database.zone)
    assert {number: ticket["created_epoch"] for number, ticket in found.items()} == epochs


def test_a_ticket_of_the_hour_that_came_twice_was_created_with_its_first_article(loaded: Loaded, truth: Truth) -> None:
    tickets = tickets_in(loaded.pipeline.sql, truth.database.zone)
    articles = articles_in(loaded.pipeline.sql, truth.database.zone)
    twice = [
        (ticket["created_epoch"], articles[ticket["article_ids"][0]]["incoming_time"])
        for number, ticket in sorted(tickets.items())
        if truth.database.zone == "Europe/Berlin" and ticket["created"].startswith("2025-10-26 02:")
    ]
    half_past_two = int(datetime(2025, 10, 26, 0, 30, tzinfo=UTC).timestamp())
    both = [(half_past_two, half_past_two), (half_past_two + 3600, half_past_two + 3600)]
    assert twice == (both if truth.database.name == "znuny65-postgres-a" else [])


def test_every_attachment_has_its_name_its_size_and_its_bytes(loaded: Loaded, truth: Truth) -> None:
    found, misread = files_in(loaded.pipeline.sql), misread_types(truth)
    assert {file[0] for file in misread} == ({27, 59, 75, 78} if truth.database.has_article_files else set())
    assert truth.files - found == Counter(misread.keys())
    assert found - truth.files == Counter(misread.values())


def test_files_that_are_bodies_are_recognised(loaded: Loaded, truth: Truth) -> None:
    assert body_files_in(loaded.pipeline.sql) == truth.body_files


def test_raw_mails_have_their_bytes(loaded: Loaded, truth: Truth) -> None:
    found = mails_in(loaded.pipeline.sql)
    assert {article: found.get(article) for article in truth.mails} == truth.mails


def test_chats_have_their_lines(loaded: Loaded, truth: Truth) -> None:
    found = chats_in(loaded.pipeline.sql, truth.database.zone)
    assert found.keys() == {article for article, row in truth.articles.items() if row["channel"] == "Chat"}
    assert {article: found[article] for article in truth.chats} == truth.chats


def test_dynamic_fields_have_their_values(loaded: Loaded, truth: Truth) -> None:
    assert field_values_in(loaded.pipeline.sql) == truth.field_values


def test_customers_are_the_same(loaded: Loaded, truth: Truth) -> None:
    found = customers_in(loaded.pipeline.sql)
    assert len(found) == truth.table_rows["customer_user"]
    assert differing(found, truth.customers) == {}


def test_only_a_zero_date_was_refused_and_no_file_is_missing(loaded: Loaded, truth: Truth) -> None:
    refused = loaded.pipeline.sql("select table_name, row_key, column_name from raw_otrs.rejected")
    assert refused == [("customer_company", "OLD-CO", "change_time")] * (truth.database.name in ZERO_DATES)
    missing = "select attachment_key from raw_otrs.attachment_contents where missing_reason is not null"
    assert loaded.pipeline.sql(missing) == []


def test_files_are_sent_or_kept_outside_by_their_size_as_a_reader_sees_them(loaded: Loaded, truth: Truth) -> None:
    sent = Counter(
        loaded.pipeline.sql(
            "select article_id, size, sha256 from intercom.part_files"
            " join intermediate.int_attachments_classified using (file_key, sha256)"
        )
    )
    stored = Counter(loaded.pipeline.sql("select otrs_article_id, size, sha256 from intercom.stored_files"))
    wanted = wanted_files(loaded, truth)
    assert sent == Counter({file: number for file, number in wanted.items() if file[1] <= FILE_SIZE_LIMIT})
    assert stored == Counter({file: number for file, number in wanted.items() if file[1] > FILE_SIZE_LIMIT})


def test_files_kept_outside_have_their_bytes_under_a_name_that_is_their_hash(loaded: Loaded) -> None:
    rows = loaded.pipeline.sql("select storage_path, size, sha256, link from intercom.stored_files")
    for path, size, sha256, link in rows:
        file = loaded.pipeline.folder / "files" / path
        assert (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()) == (size, sha256)
        assert path.startswith(f"{sha256}/")
        assert link.endswith(path)
    linked = loaded.pipeline.sql(
        "select count(*) from intercom.stored_files s join intercom.conversation_parts p"
        " on p.otrs_article_id = s.otrs_article_id and contains(p.body, s.sha256)"
    )
    assert linked == [(len(rows),)]


def wanted_files(loaded: Loaded, truth: Truth) -> Counter[tuple[int, int, str]]:
    """Return article, size and SHA-256 of the files that a reader sees, but those of removed tickets."""
    removed = ids_of_removed(loaded)
    seen = Counter[tuple[int, int, str]]()
    for (article, _, _, _, size, sha256), number in truth.files.items():
        if truth.articles[article]["ticket_id"] not in removed:
            seen[article, size, sha256] += number
    sizes = {(article, sha256): size for article, size, sha256 in seen}
    for (article, sha256, _), number in body_files_in(loaded.pipeline.sql).items():
        if (article, sha256) in sizes:
            seen[article, sizes[article, sha256], sha256] -= number
    return +seen


def ids_of_removed(loaded: Loaded) -> set[int]:
    return {
        ticket
        for (ticket,) in loaded.pipeline.sql(
            "select ticket_id from intermediate.int_tickets_decided where otrs_state_type = 'removed'"
        )
    }


def test_the_words_of_every_body_stand_in_their_order_in_the_part(loaded: Loaded) -> None:
    lost = []
    for article, plain, body, body_format in loaded.pipeline.sql(
        "select otrs_article_id, plain_body, string_agg(parts.body, ' ' order by chunk, position), min(body_format)"
        " from intercom.conversation_parts as parts join intercom.conversations using (conversation_key)"
        " join intermediate.int_articles_unified on article_id = otrs_article_id group by all"
    ):
        shown = words(text_of(body) if body_format == "html" else body)
        place = 0
        for word in words(re.sub(r"\[cid:[^\]]*\]", "", plain)):  # the image's file is named instead
            try:
                place = shown.index(word, place) + 1
            except ValueError:
                lost.append((article, word))
    assert lost == []


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def text_of(body: str) -> str:
    inline_gone = re.sub(r"</?(?:a|b|i|em|strong|code)\b[^>]*>", "", body)
    return html.unescape(re.sub(r"<[^>]+>", " ", inline_gone))


def test_articles_arrive_in_the_order_in_which_otrs_shows_them(loaded: Loaded, truth: Truth) -> None:
    arrived: dict[str, list[int]] = {}
    for ticket, article in loaded.pipeline.sql(
        "select otrs_ticket_number, otrs_article_id from intercom.conversation_parts"
        " join intercom.conversations using (conversation_key) where not is_synthetic"
        " order by otrs_ticket_number, chunk, position"
    ):
        in_order = arrived.setdefault(ticket, [])
        if article not in in_order[-1:]:  # a long article has several parts
            in_order.append(article)
    removed = {number for number, ticket in truth.listed_tickets.items() if ticket["state"] == "removed"}
    assert {number: arrived.get(number, []) for number in truth.listed_tickets} == {
        number: [] if number in removed else ticket["article_ids"] for number, ticket in truth.listed_tickets.items()
    }


def test_listed_tickets_arrive_with_title_state_queue_owner_and_customer(loaded: Loaded, truth: Truth) -> None:
    found = {
        row[0]: row[1:]
        for row in loaded.pipeline.sql(
            "select otrs_ticket_number, title, state, otrs_queue, otrs_owner, otrs_login, email, contact_key"
            " from intercom.conversations join intercom.contacts using (contact_key) where chunk = 1"
        )
    }
    state_types = dict(
        loaded.pipeline.sql(
            "select ticket_state_name, ticket_state_type_name from staging.stg_otrs__ticket_states"
            " join staging.stg_otrs__ticket_state_types using (ticket_state_type_id)"
        )
    )
    states = {"new": "open", "open": "open", "closed": "closed", "merged": "closed"}
    addresses = {login.lower(): row["email"] for login, row in customers_in(loaded.pipeline.sql).items()}
    for number, ticket in truth.listed_tickets.items():
        state_type = state_types[ticket["state"]]
        if state_type == "removed":
            assert number not in found
            continue
        title, state, queue, owner, login, email, contact_key = found[number]
        if (number, "title") not in known_deviations(truth):
            assert title == ((ticket["title"] or "").strip() or f"OTRS ticket {number}")
        if state_type in states:
            assert state == states[state_type], number
        assert (queue, owner) == (ticket["queue"], ticket["owner"])
        customer = (ticket["customer_user"] or "").lower()
        if customer in addresses:
            assert customer == (login or "").lower() or addresses[customer].lower() == (email or "").lower()
        elif "@" in customer:
            assert contact_key.startswith("otrs:address:")
            assert contact_key.endswith(hashlib.sha256(customer.encode()).hexdigest()[:16])
        elif customer:
            assert login == ticket["customer_user"]


def test_every_record_is_in_one_place(loaded: Loaded, truth: Truth) -> None:
    balance = {
        table: row
        for table, *row in loaded.pipeline.sql(
            "select source_table, source_records, request_records, excluded_records, remainder, doubled, wrong_bytes"
            " from reconciliation.conservation"
        )
    }
    assert {table: row for table, row in balance.items() if row[3:] != [0, 0, 0]} == {}
    known = {table: rows for table, rows in truth.table_rows.items() if table in balance}
    if not truth.database.has_article_files:  # files on disk are rows here as well
        same = known.keys() - RESHAPED if truth.database.is_otrs_5 else known.keys()
        assert {table: balance[table][0] for table in same} == {table: known[table] for table in same}
    removed_ids = ids_of_removed(loaded)
    in_removed = sum(row["ticket_id"] in removed_ids for row in truth.articles.values())
    sent = sum(wanted_files(loaded, truth).values())
    tickets, articles, files = truth.table_rows["ticket"], len(truth.articles), sum(truth.files.values())
    removed = truth.tickets_per["state"]["removed"]
    assert {table: row[:3] for table, row in balance.items() if table in ("ticket", "article", ATTACHMENT)} == {
        "ticket": [tickets, tickets - removed, removed],
        "article": [articles, articles - in_removed, in_removed],
        ATTACHMENT: [files, sent, files - sent],
    }
    for table in ("customer_user", "customer_company"):
        assert balance[table][:3] == [truth.table_rows[table], truth.table_rows[table], 0]


def test_reasons_to_stay_behind_are_those_that_the_truth_lets_one_expect(loaded: Loaded, truth: Truth) -> None:
    counted: dict[tuple[str, str], int] = {
        (reason, table): number
        for reason, table, number in loaded.pipeline.sql(
            "select reason_code, source_table, count(*) from reconciliation.exclusions group by all"
        )
    }
    assert {reason for reason, _ in counted} <= EXPECTED_REASONS
    left = loaded.pipeline.sql("select source_id::bigint from reconciliation.exclusions where source_table = 'ticket'")
    removed = ids_of_removed(loaded)
    assert {ticket for (ticket,) in left} == removed
    bodies = Counter[str]()
    for (article, _, kind), number in truth.body_files.items():
        if truth.articles[article]["ticket_id"] not in removed:
            bodies[kind] += number
    html = counted.get(("html_body", ATTACHMENT), 0) + counted.get(("html_body_of_plain_comment", ATTACHMENT), 0)
    assert {"html": html, "plain": counted.get(("plain_body", ATTACHMENT), 0)} == {"html": 0, "plain": 0} | bodies


def test_fields_are_as_in_otrs_or_as_a_named_rule_makes_them(loaded: Loaded) -> None:
    statuses = loaded.pipeline.sql("select status, count(*) from reconciliation.fields group by all order by all")
    assert statuses
    assert [status for status, _ in statuses if status == "different"] == []


@pytest.mark.parametrize("check", truth_of_fields.CHECKS, ids=lambda check: check.__name__)
def test_everything_of_tickets_is_in_the_plan(
    loaded: Loaded, truth: Truth, otrs_lab: Path, check: Callable[[Any, Any], list[str]]
) -> None:
    if truth.database.is_otrs_5:
        pytest.skip("the ground truth of OTRS 5 has another form; its values are compared in the tests above")
    with loaded.pipeline.asking() as ask:
        assert check(ask, raw_truth(otrs_lab, truth.database.name)) == []


@pytest.mark.parametrize("check", truth_of_inventories.CHECKS, ids=lambda check: check.__name__)
def test_everything_of_the_configuration_is_in_the_inventory(
    loaded: Loaded, truth: Truth, otrs_lab: Path, check: Callable[[Any, Any], list[str]]
) -> None:
    with loaded.pipeline.asking() as ask:
        found = check(ask, raw_truth(otrs_lab, truth.database.name))
    assert found == KNOWN_OF_INVENTORIES.get((truth.database.name, check.__name__), [])


def test_services_and_configuration_items_have_a_place(loaded: Loaded) -> None:
    assert truth_of_inventories.services_without_a_place(loaded.pipeline.sql) == []
    assert truth_of_inventories.company_items_without_a_place(loaded.pipeline.sql) == []


@cache
def raw_truth(folder: Path, name: str) -> dict[str, Any]:
    """Return a ground truth as it was written."""
    known: dict[str, Any] = json.loads((folder / f"{name}.truth.json").read_text(encoding="utf-8"))
    return known


def test_as_many_writes_were_accepted_as_were_announced_per_kind(loaded: Loaded) -> None:
    announced = loaded.applied["announced"]
    assert loaded.applied["written"] == announced
    calls = dict(announced)
    calls.pop("file.store", None)  # goes to the storage, not to the workspace
    calls["conversation.assignment + state"] = calls.pop("conversation.assignment") + calls.pop("conversation.state")
    # Once each, whatever was sent since: another apply has nothing to send.
    assert writes_per_kind(loaded.served.workspace.accepted_writes()) == calls


def test_every_ticket_is_verified_without_a_difference(loaded: Loaded, truth: Truth) -> None:
    wanted = truth.table_rows["ticket"] - truth.tickets_per["state"]["removed"]
    assert loaded.verified["clean"]
    assert loaded.verified["tickets"] == loaded.verified["verified"] == wanted
    assert set(loaded.verified["fields"]) <= {"identical", "explained"}
    assert loaded.verified["differing"] == 0


def test_a_second_apply_sends_nothing(loaded: Loaded) -> None:
    before = loaded.served.workspace.accepted_writes()
    assert loaded.pipeline.json("apply", "--execute")["written_total"] == 0
    assert loaded.served.workspace.accepted_writes() == before
