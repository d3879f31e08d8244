"""The scope is counted right: on real databases against what is known to be in them, on a sample by hand."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from extract.otrs.discovery import SIZES, Scope, Used, discover
from extract.otrs.profile import detect
from extract.otrs.snapshot import Snapshot, open_snapshot
from extract.otrs.support import SUPPORT, support_of
from otrs2intercom.estimate import estimate

LABS = ("znuny65-mysql-a", "znuny65-postgres-a")
Load = Callable[..., str]


@contextmanager
def opened(url: str) -> Iterator[Snapshot]:
    with open_snapshot(make_url(url)) as snapshot:
        yield snapshot


def scope_of(url: str, **options: Any) -> Scope:
    with opened(url) as snapshot:
        return discover(snapshot, detect(snapshot, "Europe/Berlin", trust_time_zone=True), **options)


@pytest.fixture(scope="session")
def known(otrs_lab: Path) -> Callable[[str], dict[str, Any]]:
    """Return ``known(name)``: what is known to be in a real database."""
    return lambda name: json.loads((otrs_lab / f"{name}.truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def discovered(load_lab_database: Load) -> Callable[[str], Scope]:
    """Return ``discovered(name)``: the scope of a real database, found once."""
    scopes: dict[str, Scope] = {}

    def find(name: str) -> Scope:
        if name not in scopes:
            scopes[name] = scope_of(load_lab_database(name))
        return scopes[name]

    return find


Known = Callable[[str], dict[str, Any]]
Discovered = Callable[[str], Scope]


def tickets_of(used: tuple[Used, ...]) -> dict[str, int]:
    return {one.name: one.tickets for one in used if one.tickets}


@pytest.mark.parametrize("name", LABS)
def test_tickets_are_those_that_the_api_of_otrs_counts(name: str, known: Known, discovered: Discovered) -> None:
    scope, truth = discovered(name), known(name)
    assert scope.gaps == {}
    assert scope.tickets is not None
    assert scope.tickets.total == len(truth["tickets_all"])
    by_type: Counter[str] = Counter()
    for state, number in truth["tickets_per_state"].items():
        by_type[state.split("|")[1]] += number
    assert scope.tickets.by_state_type == dict(by_type)
    assert scope.tickets.by_year == dict(
        sorted(Counter(ticket["created"][:4] for ticket in truth["tickets_all"].values()).items())
    )
    assert scope.tickets.archived == truth["tickets_per_archive_flag"]["1"]
    assert tickets_of(scope.queues) == truth["tickets_per_queue"]
    assert tickets_of(scope.priorities) == truth["tickets_per_priority"]


@pytest.mark.parametrize("name", LABS)
def test_articles_are_those_that_the_api_of_otrs_counts(name: str, known: Known, discovered: Discovered) -> None:
    found = {
        f"{group.channel}|{group.sender}|{int(bool(group.is_visible))}": group.articles
        for group in discovered(name).articles
    }
    assert found == known(name)["articles_per_channel_sender_visible"]


@pytest.mark.parametrize("name", LABS)
def test_attachments_are_counted_and_weighed_where_they_lie(name: str, known: Known, discovered: Discovered) -> None:
    attachments = discovered(name).attachments
    truth = known(name)
    sizes = [file["bytes"] for files in truth["attachments"]["by_article"].values() for file in files]
    assert attachments is not None
    assert attachments.files == truth["table_rows"]["article_data_mime_attachment"]
    assert attachments.mails == truth["table_rows"]["article_data_mime_plain"]
    # On PostgreSQL each file may come out up to two bytes too large: base64 is in steps of three.
    spare = 2 * len(sizes) if "postgres" in name else 0
    assert sum(sizes) <= attachments.bytes <= sum(sizes) + spare
    assert attachments.without_size == 0
    limits = [below for _, below in SIZES if below is not None]
    classes = Counter(sum(size >= limit for limit in limits) for size in sizes)
    assert [found.files for found in attachments.sizes] == [classes[number] for number in range(len(SIZES))]
    bodies = [
        file
        for files in truth["attachments"]["by_article"].values()
        for file in files
        if file["is_html_body"] or file["is_plain_body_part"]
    ]
    assert len(bodies) <= attachments.bodies <= len(bodies) + 10  # a user's own file may be called file-2


@pytest.mark.parametrize("name", LABS)
def test_dynamic_fields_have_the_share_of_objects_with_a_value(name: str, known: Known, discovered: Discovered) -> None:
    truth = known(name)
    found = {field.name: field for field in discovered(name).dynamic_fields}
    assert {(field.name, field.object_type, field.field_type) for field in found.values()} == {
        (field["name"], field["object"], field["type"]) for field in truth["dynamic_fields"]
    }
    filled: Counter[str] = Counter()
    for objects in truth["dynamic_field_values_all"].values():
        for values in objects.values():
            filled.update(field for field, value in values.items() if value not in (None, [], ""))
    for field in found.values():
        assert field.filled >= filled[field.name], field
    assert found["Text1"].objects == len(truth["tickets_all"])
    assert found["Text1"].rate == pytest.approx(filled["Text1"] / len(truth["tickets_all"]))
    assert found["CUVip"].objects == truth["customer_users"]["count"]
    assert not found["InvalidField"].is_valid


@pytest.mark.parametrize("name", LABS)
def test_people_are_counted_and_never_named(name: str, known: Known, discovered: Discovered) -> None:
    scope, truth = discovered(name), known(name)
    agents, customers = scope.agents, scope.customers
    assert agents is not None
    assert customers is not None
    assert agents.total == len(truth["agents"])
    assert agents.valid == sum(agent["valid_id"] == 1 for agent in truth["agents"])
    addresses = Counter(agent["email"].lower() for agent in truth["agents"])
    assert agents.sharing_an_address == sum(number for number in addresses.values() if number > 1)
    assert agents.without_address == sum(agent["email"] == agent["login"] for agent in truth["agents"])
    assert customers.users == truth["customer_users"]["count"]
    assert customers.valid_users == truth["customer_users"]["valid"]["1"]
    assert customers.companies == len(truth["customer_companies_all"])
    assert not re.search(r"[\w.]+@[\w.]+", json.dumps(asdict(scope)))


@pytest.mark.parametrize("name", LABS)
def test_tickets_whose_customer_has_no_row_are_counted(
    name: str, known: Known, discovered: Discovered, load_lab_database: Load
) -> None:
    customers = discovered(name).customers
    assert customers is not None
    logins = {login.lower() for login in known(name)["customer_users_all"]}
    named = [ticket["customer_user"] for ticket in known(name)["tickets_all"].values()]
    outside = [login.lower() for login in named if login and login.lower() not in logins]
    assert customers.tickets_outside == len(outside)
    assert customers.logins_outside == len(set(outside))
    assert customers.tickets_without_customer == sum(not login for login in named)
    supplied = {max(outside), "someone else"}
    with_csv = scope_of(load_lab_database(name), customers_csv=lambda: supplied).customers
    assert with_csv == replace(customers, logins_in_csv=1, tickets_in_csv=outside.count(max(outside)))


@pytest.mark.parametrize("name", LABS)
def test_processes_items_reports_and_packages_are_counted(name: str, known: Known, discovered: Discovered) -> None:
    scope, truth = discovered(name), known(name)
    assert scope.config_items == dict(sorted(Counter(item["class"] for item in truth["config_items"]).items()))
    assert scope.stats == len(truth["stats"])
    tickets = truth["dynamic_field_values_all"]["Ticket"].values()
    in_process = sum(bool(values.get("ProcessManagementProcessID")) for values in tickets)
    assert sum(process.tickets for process in scope.processes) == in_process > 0
    assert [process.name for process in scope.processes] == [
        "Application for leave",
        "Complex 1",
        "Hardware-Bestellung",
    ]
    assert [(package.name, package.status) for package in scope.packages] == [
        ("GeneralCatalog", "installed"),
        ("ITSMConfigurationManagement", "installed"),
        ("ITSMCore", "installed"),
    ]
    assert scope.unknown_tables == {}
    assert scope.others["links"] == truth["table_rows"]["link_relation"]
    assert scope.support.status == "supported"


def test_otrs_5_is_counted_in_its_own_tables(known: Known, discovered: Discovered) -> None:
    scope, truth = discovered("otrs5-mysql"), known("otrs5-mysql")
    assert (scope.product, scope.version, scope.support.status) == ("OTRS", "5", "ended")
    assert {f"{group.channel}|{group.sender}": group.articles for group in scope.articles} == truth[
        "articles_per_type_and_sender"
    ]
    seen = {group.channel: group.is_visible for group in scope.articles}
    assert seen["email-external"]
    assert seen["note-report"] is False
    assert scope.tickets is not None
    assert scope.tickets.total == truth["table_rows"]["ticket"]
    assert tickets_of(scope.queues) == truth["tickets_per_queue"]
    assert scope.attachments is not None
    assert scope.attachments.files == truth["table_rows"]["article_attachment"]
    assert scope.attachments.mails == truth["table_rows"]["article_plain"]
    assert scope.gaps == {"config_items": "there is no table configitem in this database"}
    assert scope.config_items == {}


def test_attachments_too_many_to_be_read_are_weighed_by_what_otrs_noted(load_lab_database: Load) -> None:
    url = load_lab_database("znuny65-mysql-a")
    measured, noted = scope_of(url).attachments, scope_of(url, measured_up_to=0).attachments
    assert measured is not None
    assert noted is not None
    assert "content_size" in noted.measured
    assert noted.without_size == 1  # a row without content_size
    assert noted.bytes == pytest.approx(measured.bytes, rel=1e-4)
    assert noted.files == measured.files


def test_requests_are_estimated_within_one_percent_of_a_plan_that_is_known(discovered: Discovered) -> None:
    """A first load of this database took 3,735 writes when the rule was made."""
    reckoned = estimate(discovered("znuny65-mysql-a"))
    assert reckoned is not None
    sent = {
        "definitions of attributes and tags": 7 + 4 + 3,
        "companies": 15,
        "contacts": 102,
        "memberships": 63,
        "conversations": 359,
        "replies and notes": 2063,
        "attributes": 359,
        "assignments": 550,
        "states": 137,
        "tags": 73,
    }
    # Pending tickets whose time has come since are open ones, and need no call: up to 28 of the states.
    assert reckoned.total == pytest.approx(sum(sent.values()), rel=0.01, abs=28)
    for kind, number in sent.items():
        assert reckoned.requests[kind] == pytest.approx(number, rel=0.01, abs=28 if kind == "states" else 1), kind
    assert reckoned.reads_to_verify == pytest.approx(359 + 102 + 15, abs=2)
    assert reckoned.minutes == {
        "500": pytest.approx(reckoned.total / 500, abs=0.1),
        "1000": pytest.approx(reckoned.total / 1000, abs=0.1),
        "10000": pytest.approx(reckoned.total / 10000, abs=0.1),
    }


@pytest.fixture
def sample(tmp_path: Path, sample_file: Path) -> Path:
    """A sample of the test's own."""
    path = tmp_path / "otrs.sqlite"
    path.write_bytes(sample_file.read_bytes())
    return path


def change(path: Path, *statements: str) -> str:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return f"sqlite:///{path}"


def test_sample_is_counted_like_any_other(sample: Path) -> None:
    url = change(sample)
    scope = scope_of(url)
    with opened(url) as snapshot:
        assert scope.tickets is not None
        assert scope.tickets.total == snapshot.count("ticket") == sum(scope.tickets.by_year.values())
        assert sum(group.articles for group in scope.articles) == snapshot.count("article")
        assert scope.attachments is not None
        assert scope.attachments.bytes == snapshot.scalar(
            "select sum(length(content)) from article_data_mime_attachment"
        )
        assert scope.attachments.files == sum(found.files for found in scope.attachments.sizes)
    assert estimate(scope) is not None


def test_what_is_not_in_the_database_is_said_and_hides_nothing_else(sample: Path) -> None:
    url = change(sample, "drop table pm_process", "drop table customer_company", "drop table ticket_state_type")
    scope = scope_of(url)
    assert scope.gaps["processes"] == "there is no table pm_process in this database"
    assert scope.gaps["customers"] == "there is no table customer_company in this database"
    assert {"tickets", "threads"} <= scope.gaps.keys()
    assert scope.processes == ()
    assert (scope.customers, scope.tickets, estimate(scope)) == (None, None, None)
    assert scope.articles
    assert scope.queues


def test_question_that_the_server_refuses_is_a_gap_and_hides_nothing_else(load_lab_database: Load) -> None:
    url = load_lab_database("znuny65-postgres-a", "znuny65_postgres_discovered")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table sla rename valid_id to its_valid_id")
    engine.dispose()
    scope = scope_of(url)
    assert scope.gaps.keys() == {"slas"}
    assert "valid_id" in scope.gaps["slas"]
    assert scope.slas == ()
    assert scope.services  # asked after it, in the same transaction


def test_table_that_may_not_be_read_is_not_asked(sample: Path) -> None:
    scope = scope_of(change(sample), unreadable=("customer_user", "sla"))
    assert scope.gaps["customers"] == scope.gaps.get("customers")
    assert scope.gaps["slas"] == "the account may not read the table sla"
    assert scope.customers is None
    assert scope.tickets


def test_unknown_tables_with_rows_are_listed(sample: Path) -> None:
    url = change(
        sample,
        "create table our_own (id integer)",
        "create table our_empty (id integer)",
        "insert into our_own values (1), (2)",
    )
    assert scope_of(url).unknown_tables == {"our_own": 2}


def test_ticket_without_a_date_or_a_known_state_is_counted_all_the_same(sample: Path) -> None:
    url = change(
        sample,
        "update ticket set create_time = '0000-00-00 00:00:00' where id = (select min(id) from ticket)",
        "update ticket set ticket_state_id = 999 where id = (select max(id) from ticket)",
    )
    tickets = scope_of(url).tickets
    assert tickets is not None
    assert tickets.by_year["unknown"] == 1
    assert tickets.by_state_type["unknown"] == 1
    assert sum(tickets.by_state_type.values()) == tickets.total


def test_files_make_messages_of_their_own(sample: Path) -> None:
    """The opening message takes no files; any other takes ten."""
    plain = change(sample, "delete from article_data_mime_attachment")
    before = scope_of(plain).threads
    assert before is not None
    assert before.messages_for_files == 0
    opening, later = _opening_and_later(plain)
    files = [(opening, name) for name in ("file-2", "a", "b")]
    files += [(later, f"file {number}") for number in range(21)]
    rows = [
        "insert into article_data_mime_attachment (id, article_id, filename, content, create_time, create_by,"
        f" change_time, change_by) values ({number}, {article}, '{name}', x'00', '2024-01-01', 1, '2024-01-01', 1)"
        for number, (article, name) in enumerate(files)
    ]
    after = scope_of(change(sample, *rows)).threads
    assert after is not None
    assert after.messages_for_files == 1 + 2
    assert replace(after, messages_for_files=0) == before


def _opening_and_later(url: str) -> tuple[int, int]:
    first = "select min(id) from article group by ticket_id"
    removed = "select id from ticket_state where name = 'removed'"
    kept = f"ticket_id in (select id from ticket where ticket_state_id not in ({removed}))"
    by_customer = (
        "is_visible_for_customer = 1 and article_sender_type_id ="
        " (select id from article_sender_type where name = 'customer')"
    )
    with opened(url) as snapshot:
        opening = snapshot.scalar(f"select min(id) from article where id in ({first}) and {by_customer} and {kept}")
        later = snapshot.scalar(f"select max(id) from article where id not in ({first}) and {kept}")
    return int(opening), int(later)


def test_support_ends_on_a_day_or_is_said_to_be_unknown() -> None:
    today = date(2026, 11, 23)
    assert support_of("OTRS", "6.0", today).status == "ended"
    assert support_of("OTRS", "5", today).ends == "2020-12-31"
    assert support_of("Znuny", "6.5", today).status == "supported"
    assert support_of("Znuny", "7.0", today).status == "ended"
    assert support_of("OTOBO", "10.0", date(2025, 12, 31)).status == "supported"
    assert support_of("OTOBO", "10.0", today).status == "ended"
    assert support_of("OTRS", "7 or later", today).status == "unknown"
    undecided = support_of("Znuny", "6.4 or 6.5", today)
    assert undecided.status == "unknown"
    assert "6.4: ended 2023-03-28" in undecided.note
    seven = support_of("Znuny", "7", today)
    assert seven.status == "unknown"
    assert "7.0: ended 2024-07-23" in seven.note


def test_each_line_of_the_support_table_says_where_it_comes_from() -> None:
    for ends, note in SUPPORT.values():
        assert ends is None or date.fromisoformat(ends)
        assert note
