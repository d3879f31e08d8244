"""The sample keeps OTRS's conventions and holds every case that a migration has to meet."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import html

from otrs2intercom.sample import write_sample

Row = Mapping[str, Any]
Rows = Mapping[str, list[Row]]

REFERENCE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, read_rows: Callable[[str], Rows]) -> Rows:
    target: Path = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample(f"sqlite:///{target}", tickets=200)
    return read_rows(f"sqlite:///{target}")


def is_html_body(part: Row) -> bool:
    """The rule of ArticleAttachmentIndex, with the disposition computed where none is stored."""
    disposition = part["disposition"]
    if not disposition:
        name = part["filename"]
        disposition = "inline" if "file-1" in name or "file-2" in name else "attachment"
    return (
        part["filename"] in {"file-1", "file-2", "file-1.html"}
        and "text/html" in (part["content_type"] or "")
        and disposition == "inline"
    )


def parts_by_article(rows: Rows) -> dict[int, list[Row]]:
    parts = defaultdict(list)
    for part in rows["article_data_mime_attachment"]:
        parts[part["article_id"]].append(part)
    return parts


def load_yaml(text: str) -> Any:
    """Load everything as text: `no` is a key, not a boolean."""
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes nothing but texts


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def text_of(part: Row) -> str:
    charset = re.search(r'charset="?([\w-]+)', part["content_type"])
    assert charset, part["content_type"]
    page: Any = html.fromstring(part["content"].decode(charset[1]))
    for element in list(page.iter("head")):
        element.drop_tree()
    return " ".join(page.itertext())


@pytest.mark.parametrize(
    ("table", "column", "target"),
    [
        ("article", "ticket_id", "ticket"),
        ("article_data_mime", "article_id", "article"),
        ("article_data_mime_plain", "article_id", "article"),
        ("article_data_mime_attachment", "article_id", "article"),
        ("article_data_otrs_chat", "article_id", "article"),
        ("article_flag", "article_id", "article"),
        ("ticket_history", "ticket_id", "ticket"),
        ("ticket_history", "article_id", "article"),
        ("ticket_history", "history_type_id", "ticket_history_type"),
        ("ticket_history", "state_id", "ticket_state"),
        ("ticket_watcher", "ticket_id", "ticket"),
        ("ticket_watcher", "user_id", "users"),
        ("time_accounting", "article_id", "article"),
        ("ticket", "queue_id", "queue"),
        ("ticket", "user_id", "users"),
        ("ticket", "responsible_user_id", "users"),
        ("ticket", "ticket_state_id", "ticket_state"),
        ("ticket", "ticket_priority_id", "ticket_priority"),
        ("ticket", "type_id", "ticket_type"),
        ("ticket", "service_id", "service"),
        ("ticket", "sla_id", "sla"),
        ("queue", "group_id", "groups"),
        ("queue", "system_address_id", "system_address"),
        ("dynamic_field_value", "field_id", "dynamic_field"),
        ("group_user", "user_id", "users"),
        ("role_user", "role_id", "roles"),
    ],
)
def test_every_reference_has_its_row(rows: Rows, table: str, column: str, target: str) -> None:
    ids = {row["id"] for row in rows[target]}
    assert rows[table]
    assert {row[column] for row in rows[table]} - {None} <= ids


def test_every_article_has_mime_data_or_a_chat(rows: Rows) -> None:
    mime = Counter(row["article_id"] for row in rows["article_data_mime"])
    chats = {row["article_id"] for row in rows["article_data_otrs_chat"]}
    assert set(mime.values()) == {1}
    assert {row["id"] for row in rows["article"]} == set(mime) | chats
    assert not set(mime) & chats
    assert chats == {row["id"] for row in rows["article"] if row["communication_channel_id"] == 4}


def test_html_bodies_say_the_words_of_the_plain_body(rows: Rows) -> None:
    bodies = {row["article_id"]: row["a_body"] for row in rows["article_data_mime"]}
    seen: Counter[str] = Counter()
    for ident, parts in parts_by_article(rows).items():
        found = [part for part in parts if is_html_body(part)]
        assert len(found) <= 1
        for part in found:
            seen[part["content_type"]] += 1
            assert words(text_of(part)) == words(bodies[ident]), ident
    assert {
        "text/html; charset=utf-8",
        "text/html; charset=iso-8859-1",
        'text/html; charset="utf-8"',
    } == set(seen)
    assert min(seen.values()) > 10


def test_the_plain_pseudo_attachment_repeats_the_body(rows: Rows) -> None:
    bodies = {row["article_id"]: row["a_body"] for row in rows["article_data_mime"]}
    plain = [
        part
        for part in rows["article_data_mime_attachment"]
        if part["filename"] == "file-1" and part["content_type"].startswith("text/plain")
    ]
    assert plain
    for part in plain:
        charset = part["content_type"].partition("charset=")[2]
        assert part["content"].decode(charset) == bodies[part["article_id"]]


def test_agents_html_is_file_2_and_html_of_mails_takes_all_three_names(rows: Rows) -> None:
    senders = {row["id"]: row for row in rows["article"]}
    names = defaultdict(set)
    for part in rows["article_data_mime_attachment"]:
        if is_html_body(part):
            article = senders[part["article_id"]]
            mailed = article["article_sender_type_id"] == 3 and article["communication_channel_id"] == 1
            names[mailed].add((part["filename"], part["content_alternative"]))
    assert names[False] == {("file-2", None)}
    assert names[True] == {("file-1", None), ("file-1.html", None), ("file-2", "1")}


def test_a_customers_own_file_2_is_no_body(rows: Rows) -> None:
    own = [
        part for part in rows["article_data_mime_attachment"] if part["filename"] == "file-2" and not is_html_body(part)
    ]
    assert {part["content_type"] for part in own} == {"application/octet-stream", "text/html; charset=utf-8"}


def test_inline_images_are_found_by_their_content_id(rows: Rows) -> None:
    images = [part for part in rows["article_data_mime_attachment"] if part["content_id"]]
    parts = parts_by_article(rows)
    encoded = 0
    for image in images:
        content_id = image["content_id"]
        assert content_id.startswith("<")
        assert content_id.endswith(">")
        body = next(part for part in parts[image["article_id"]] if is_html_body(part))
        page = body["content"].decode("latin-1")
        encoded += "%40" in page
        assert f'"cid:{content_id[1:-1]}"' in page.replace("%40", "@")
        assert image["content"].startswith(b"\x89PNG")
    assert {image["disposition"] for image in images} == {"inline", None}
    assert encoded == 1


def test_files_cover_sizes_names_and_broken_types(rows: Rows) -> None:
    files = [part for part in rows["article_data_mime_attachment"] if not part["filename"].startswith("file-")]
    sizes = [len(part["content"]) for part in files]
    names = [part["filename"] for part in files]
    assert min(sizes) == 0
    assert sum(size > 900_000 for size in sizes) == 1
    assert any("ü" in name or "Ü" in name for name in names)
    assert any("書" in name for name in names)
    assert max(map(len, names)) > 240
    assert {name.rpartition(".")[2] for name in names} >= {"pdf", "png", "txt", "csv", "docx"}
    assert any(part["content_type"] is None for part in files)
    assert any((part["content_type"] or "").endswith(";") for part in files)
    assert any(part["content_size"] is None for part in rows["article_data_mime_attachment"])


def test_one_article_has_twelve_files(rows: Rows) -> None:
    counts = [
        sum(not part["filename"].startswith("file-") for part in parts) for parts in parts_by_article(rows).values()
    ]
    assert max(counts) == 12


def test_one_article_has_real_double_names_and_others_have_numbered_ones(rows: Rows) -> None:
    doubles = [max(Counter(part["filename"] for part in parts).values()) for parts in parts_by_article(rows).values()]
    assert max(doubles) == 3
    assert any(part["filename"] == "Liste-1.csv" for part in rows["article_data_mime_attachment"])


def test_articles_follow_each_other_in_time_but_for_a_few(rows: Rows) -> None:
    tickets = defaultdict(list)
    for article in sorted(rows["article"], key=lambda row: row["id"]):
        tickets[article["ticket_id"]].append(article["create_time"])
    unordered = [times for times in tickets.values() if times != sorted(times)]
    assert len(unordered) == 1
    lengths = {len(times) for times in tickets.values()}
    assert {1, 2, 3, 4, 5, 12} <= lengths
    assert len(tickets) < len(rows["ticket"])  # there are tickets without articles


def test_epochs_and_times_say_the_same(rows: Rows) -> None:
    for row in rows["article_data_mime"]:
        created = datetime.fromtimestamp(row["incoming_time"], UTC)
        assert created.strftime("%Y-%m-%d %H:%M:%S") == row["create_time"]
        assert row["content_path"] == created.strftime("%Y/%m/%d")


def test_nothing_is_younger_than_the_reference_date(rows: Rows) -> None:
    for name, found in rows.items():
        for row in found:
            for column in ("create_time", "change_time"):
                if row.get(column):
                    assert "2024-01-01 08:00:00" <= row[column] < "2026-11-01", (name, row)


def test_tickets_are_changed_when_their_history_ends(rows: Rows) -> None:
    last: dict[int, str] = {}
    for event in rows["ticket_history"]:
        last[event["ticket_id"]] = max(last.get(event["ticket_id"], ""), event["create_time"])
    assert {row["id"]: row["change_time"] for row in rows["ticket"]} == last


def test_the_last_state_in_the_history_is_the_state_of_the_ticket(rows: Rows) -> None:
    last = {}
    for event in sorted(rows["ticket_history"], key=lambda row: row["id"]):
        last[event["ticket_id"]] = (event["state_id"], event["queue_id"], event["owner_id"])
    assert last == {row["id"]: (row["ticket_state_id"], row["queue_id"], row["user_id"]) for row in rows["ticket"]}


def test_every_state_is_used_and_pending_ones_lie_in_the_past_and_the_future(rows: Rows) -> None:
    used = Counter(row["ticket_state_id"] for row in rows["ticket"])
    assert set(used) == {row["id"] for row in rows["ticket_state"]}
    pending = {row["id"] for row in rows["ticket_state"] if row["type_id"] in {4, 5}}
    until = [row["until_time"] for row in rows["ticket"] if row["ticket_state_id"] in pending]
    assert min(until) > 0
    assert min(until) < REFERENCE.timestamp() < max(until)


def test_a_merged_ticket_points_to_its_main_ticket(rows: Rows) -> None:
    merged = [row for row in rows["ticket"] if row["ticket_state_id"] == 9]
    types = {row["name"]: row["id"] for row in rows["ticket_history_type"]}
    parents = {
        (link["target_key"], link["source_key"])
        for link in rows["link_relation"]
        if link["type_id"] == 2 and link["state_id"] == 1
    }
    for ticket in merged:
        names = {
            event["name"]
            for event in rows["ticket_history"]
            if event["history_type_id"] == types["Merged"] and event["ticket_id"] == ticket["id"]
        }
        assert len(names) == 1
        _, tn, ident, main_tn, main_id = names.pop().split("%%")
        assert (tn, ident) == (ticket["tn"], str(ticket["id"]))
        assert (ident, main_id) in parents
        assert next(row["tn"] for row in rows["ticket"] if row["id"] == int(main_id)) == main_tn
        articles = [row for row in rows["article"] if row["ticket_id"] == ticket["id"]]
        assert [(row["communication_channel_id"], row["article_sender_type_id"]) for row in articles] == [(3, 1)]


def test_ticket_numbers_carry_a_check_digit(rows: Rows) -> None:
    numbers = [row["tn"] for row in rows["ticket"]]
    assert len(set(numbers)) == len(numbers)
    for row in rows["ticket"]:
        digits = [int(digit) for digit in row["tn"]]
        assert row["tn"].startswith(row["create_time"][:10].replace("-", "") + "10")
        total = sum(digit * (1 + place % 2) for place, digit in enumerate(digits[:-1]))
        assert digits[-1] == ((10 - total % 10) % 10 or 1)


def test_ids_are_dense_with_gaps(rows: Rows) -> None:
    for table in ("ticket", "article"):
        ids = sorted(row["id"] for row in rows[table])
        assert len(ids) < ids[-1] < 1.2 * len(ids)


def test_customers_cover_the_cases(rows: Rows) -> None:
    customers = rows["customer_user"]
    companies = {row["customer_id"] for row in rows["customer_company"]}
    spellings = defaultdict(set)
    for row in customers:
        spellings[row["email"].lower()].add(row["email"])
    assert any(len(found) > 1 for found in spellings.values())
    assert any(row["customer_id"] == row["email"] for row in customers)
    assert any(row["customer_id"] not in companies and "@" not in row["customer_id"] for row in customers)
    assert any(row["valid_id"] == 2 for row in customers)
    assert any(row["phone"] == "ask reception" for row in customers)
    assert rows["customer_user_customer"]
    logins = {row["login"] for row in customers}
    assert {row["user_id"] for row in rows["customer_user_customer"]} <= logins
    assert {row["customer_id"] for row in rows["customer_user_customer"]} <= companies
    assert {row["user_id"] for row in rows["customer_preferences"]} - logins == {"gone.login"}
    assert len({row["name"].casefold() for row in rows["customer_company"]}) == len(companies)


def test_tickets_belong_to_known_unknown_deleted_and_no_customers(rows: Rows) -> None:
    logins = {row["login"] for row in rows["customer_user"]}
    kinds: Counter[str] = Counter()
    for row in rows["ticket"]:
        login = row["customer_user_id"]
        if login is None:
            kinds["none"] += 1
        elif login in logins:
            kinds["known"] += 1
        elif login.lower() in {known.lower() for known in logins}:
            kinds["other case"] += 1
        elif "@" in login:
            assert row["customer_id"] == login
            kinds["address"] += 1
        else:
            kinds["deleted"] += 1
    assert set(kinds) == {"none", "known", "other case", "address", "deleted"}
    assert kinds["known"] > 150


def test_a_second_customer_writes_in_one_thread(rows: Rows) -> None:
    tickets = {row["id"]: row["ticket_id"] for row in rows["article"]}
    senders = defaultdict(set)
    for row in rows["article_data_mime"]:
        article = next(found for found in rows["article"] if found["id"] == row["article_id"])
        if article["article_sender_type_id"] == 3:
            senders[tickets[row["article_id"]]].add(row["a_from"])
    assert sum(len(found) > 1 for found in senders.values()) >= 1


def test_articles_cover_channels_senders_and_visibility(rows: Rows) -> None:
    kinds = {
        (row["communication_channel_id"], row["article_sender_type_id"], row["is_visible_for_customer"])
        for row in rows["article"]
    }
    email, phone, internal, chat = 1, 2, 3, 4
    agent, system, customer = 1, 2, 3
    assert kinds == {
        (email, agent, 1),
        (email, agent, 0),
        (email, system, 1),
        (email, customer, 1),
        (phone, agent, 1),
        (phone, customer, 1),
        (internal, agent, 0),
        (internal, agent, 1),
        (internal, customer, 1),
        (chat, agent, 1),
    }
    first: dict[int, Row] = {}
    for row in sorted(rows["article"], key=lambda row: row["id"]):
        first.setdefault(row["ticket_id"], row)
    assert {row["article_sender_type_id"] for row in first.values()} == {agent, system, customer}


def test_bodies_cover_nothing_null_and_very_long(rows: Rows) -> None:
    bodies = [row["a_body"] for row in rows["article_data_mime"]]
    assert "" in bodies
    assert None in bodies
    assert "- no text message => see attachment -" in bodies
    assert max(len(body or "") for body in bodies) > 15_000
    titles = [row["title"] for row in rows["ticket"]]
    assert "" in titles
    assert None in titles
    assert max(len(title or "") for title in titles) == 250


def test_addresses_are_those_of_examples_and_text_stays_in_the_basic_plane(rows: Rows) -> None:
    for name, found in rows.items():
        for row in found:
            for value in row.values():
                if isinstance(value, str):
                    assert all(ord(char) <= 0xFFFF for char in value), (name, value)
                    for domain in re.findall(r"[\w.%+-]@([\w.-]+\w)", value):
                        assert domain.lower() in {"example.com", "example.org", "localhost"} or "01DA" in domain, value


def test_dynamic_fields_hold_values_of_every_type(rows: Rows) -> None:
    kinds = {row["id"]: (row["object_type"], row["field_type"]) for row in rows["dynamic_field"]}
    used = {kinds[row["field_id"]] for row in rows["dynamic_field_value"]}
    assert used == {
        ("Ticket", "ProcessID"),
        ("Ticket", "ActivityID"),
        ("Ticket", "Text"),
        ("Ticket", "TextArea"),
        ("Ticket", "Checkbox"),
        ("Ticket", "Dropdown"),
        ("Ticket", "Multiselect"),
        ("Ticket", "Date"),
        ("Ticket", "DateTime"),
        ("Article", "Text"),
        ("CustomerUser", "Text"),
    }
    owners = {row["object_id"]: row["object_name"] for row in rows["dynamic_field_obj_id_name"]}
    objects = {
        "CustomerUser": set(owners),
        "Ticket": {row["id"] for row in rows["ticket"]},
        "Article": {row["id"] for row in rows["article"]},
    }
    for row in rows["dynamic_field_value"]:
        assert row["object_id"] in objects[kinds[row["field_id"]][0]]
        assert sum(row[column] is not None for column in ("value_text", "value_date", "value_int")) == 1
    warranty = next(row for row in rows["dynamic_field"] if row["name"] == "Warranty")
    possible = load_yaml(warranty["config"])["PossibleValues"]
    chosen = {row["value_text"] for row in rows["dynamic_field_value"] if row["field_id"] == warranty["id"]}
    assert chosen - set(possible) == {"expired"}
    assert {"no", "0"} <= chosen & set(possible)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("dynamic_field", "config"),
        ("communication_channel", "channel_data"),
        ("pm_process", "config"),
        ("pm_process", "layout"),
        ("pm_activity", "config"),
        ("pm_activity_dialog", "config"),
        ("pm_transition", "config"),
        ("pm_transition_action", "config"),
        ("sysconfig_default", "effective_value"),
        ("sysconfig_default", "xml_content_parsed"),
        ("sysconfig_modified", "effective_value"),
    ],
)
def test_configurations_are_yaml(rows: Rows, table: str, column: str) -> None:
    assert rows[table]
    for row in rows[table]:
        assert row[column].startswith("---")
        assert load_yaml(row[column]) is not None


def test_the_version_and_time_zone_can_be_told(rows: Rows) -> None:
    settings = {row["name"]: row for row in rows["sysconfig_default"]}
    assert settings["OTRSTimeZone"]["effective_value"] == "--- UTC\n"
    assert {row["xml_filename"] for row in settings.values()} == {"Framework.xml", "Ticket.xml"}
    assert "groups" in rows
    assert "article_type" not in rows
    assert all(settings[row["name"]]["id"] == row["sysconfig_default_id"] for row in rows["sysconfig_modified"])


def test_agents_queues_and_links_cover_the_cases(rows: Rows) -> None:
    addresses = {row["user_id"] for row in rows["user_preferences"] if row["preferences_key"] == "UserEmail"}
    agents = {row["id"]: row for row in rows["users"]}
    assert agents[1]["login"] == "root@localhost"
    assert {ident for ident in agents if ident not in addresses} == {1, 8}
    assert [ident for ident, row in agents.items() if row["valid_id"] == 2] == [7]
    assert any(row["user_id"] == 7 for row in rows["ticket"])
    assert len(rows["groups"]) == 4
    assert len(rows["roles"]) == 2
    assert max(row["name"].count("::") for row in rows["queue"]) == 2
    assert {row["calendar_name"] for row in rows["queue"]} == {None, "", "1", "2"}
    assert {(row["type_id"], row["state_id"]) for row in rows["link_relation"]} >= {(1, 1), (1, 2), (2, 1)}
    assert any(float(row["time_unit"]) < 0 for row in rows["time_accounting"])
