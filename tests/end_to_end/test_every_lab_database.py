"""Every real database goes from its server to a verified load, and what arrives is what its ground truth counts.

What is known to differ is listed with its reason (``known_deviations``) and asserted exactly: a deviation that
comes or goes fails a test.
"""

import hashlib
import html
import re
from collections import Counter
from datetime import UTC, datetime

import pytest
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


def test_files_that_are_sent_are_all_that_a_reader_sees_but_the_oversize_ones(loaded: Loaded, truth: Truth) -> None:
    sent = Counter(
        loaded.pipeline.sql(
            "select article_id, size, sha256 from intercom.part_files"
            " join intermediate.int_attachments_classified using (file_key, sha256)"
        )
    )
    assert sent == wanted_files(loaded, truth)


def wanted_files(loaded: Loaded, truth: Truth) -> Counter[tuple[int, int, str]]:
    """Return article, size and SHA-256 of the files that a reader sees, which are neither too large nor removed."""
    removed = ids_of_removed(loaded)
    seen = Counter[tuple[int, int, str]]()
    for (article, _, _, _, size, sha256), number in truth.files.items():
        if truth.articles[article]["ticket_id"] not in removed and size <= FILE_SIZE_LIMIT:
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
        "select otrs_article_id, plain_body, body, body_format from intercom.conversation_parts"
        " join intermediate.int_articles_unified on article_id = otrs_article_id where not is_synthetic"
    ):
        shown = words(text_of(body) if body_format == "html" else body)
        place = 0
        for word in words(plain):
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


def test_every_record_is_loaded_or_excluded_with_a_reason(loaded: Loaded, truth: Truth) -> None:
    balance = {
        table: row
        for table, *row in loaded.pipeline.sql(
            "select source_table, source_records, request_records, excluded_records, remainder"
            " from reconciliation.conservation"
        )
    }
    tickets, articles, files = truth.table_rows["ticket"], len(truth.articles), sum(truth.files.values())
    customers, companies = truth.table_rows["customer_user"], truth.table_rows["customer_company"]
    removed = truth.tickets_per["state"]["removed"]
    removed_ids = ids_of_removed(loaded)
    in_removed = sum(row["ticket_id"] in removed_ids for row in truth.articles.values())
    sent = sum(wanted_files(loaded, truth).values())
    assert balance == {
        "ticket": [tickets, tickets - removed, removed, 0],
        "article": [articles, articles - in_removed, in_removed, 0],
        "article_data_mime_attachment": [files, sent, files - sent, 0],
        "customer_user": [customers, customers, 0, 0],
        "customer_company": [companies, companies, 0, 0],
    }
    reasons = set(loaded.pipeline.sql("select reason_code from reconciliation.exclusions"))
    assert reasons <= {("ticket_not_loaded",), ("html_body",), ("plain_body",), ("file_over_size_limit",)}


def test_as_many_writes_were_accepted_as_were_announced_per_kind(loaded: Loaded) -> None:
    announced = loaded.applied["announced"]
    assert loaded.applied["written"] == announced
    calls = dict(announced)
    calls["conversation.assignment + state"] = calls.pop("conversation.assignment") + calls.pop("conversation.state")
    # Once each, whatever was sent since: another apply has nothing to send.
    assert writes_per_kind(loaded.served.workspace.accepted_writes()) == calls


def test_every_ticket_is_verified_without_a_difference(loaded: Loaded, truth: Truth) -> None:
    wanted = truth.table_rows["ticket"] - truth.tickets_per["state"]["removed"]
    assert loaded.verified["clean"]
    assert loaded.verified["tickets"] == loaded.verified["verified"] == wanted
    assert set(loaded.verified["fields"]) == {"identical"}


def test_a_second_apply_sends_nothing(loaded: Loaded) -> None:
    before = loaded.served.workspace.accepted_writes()
    assert loaded.pipeline.json("apply", "--execute")["written_total"] == 0
    assert loaded.served.workspace.accepted_writes() == before
