"""The sample is written the same everywhere, says what it wrote, and never touches a database in use."""

import email
import email.policy
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from otrs2intercom.sample import InvalidSampleError, SampleError, TargetInUseError, write_sample

Rows = dict[str, list[dict[str, object]]]


def test_two_runs_with_the_same_seed_write_the_same_rows(
    sample_url: str, tmp_path: Path, fingerprint: Callable[[str], str]
) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    write_sample(sample_url, tickets=60, seed=7)
    write_sample(other, tickets=60, seed=7)
    assert fingerprint(sample_url) == fingerprint(other)


def test_another_seed_writes_other_people(tmp_path: Path, read_rows: Callable[[str], Rows]) -> None:
    names = []
    for seed in (1, 2):
        url = f"sqlite:///{tmp_path / f'{seed}.db'}"
        write_sample(url, tickets=1, seed=seed)
        names.append([row["last_name"] for row in read_rows(url)["customer_user"]])
    assert names[0] != names[1]


def test_summary_counts_what_is_in_the_database(sample_url: str, read_rows: Callable[[str], Rows]) -> None:
    summary = write_sample(sample_url, tickets=200)
    rows = read_rows(sample_url)
    assert {name: len(found) for name, found in rows.items()} == summary.rows
    assert summary.tickets == 200
    assert summary.customers == 50
    assert summary.companies == 10
    assert summary.agents == 8
    assert summary.merged_tickets == sum(row["ticket_state_id"] == 9 for row in rows["ticket"]) == 2
    assert summary.removed_tickets == sum(row["ticket_state_id"] == 5 for row in rows["ticket"]) == 2
    assert summary.archived_tickets == sum(row["archive_flag"] == 1 for row in rows["ticket"]) > 0
    assert summary.attachments + summary.body_parts == len(rows["article_data_mime_attachment"])
    assert summary.raw_mails == len(rows["article_data_mime_plain"])
    assert summary.chat_articles == len({row["article_id"] for row in rows["article_data_otrs_chat"]})


def test_one_ticket_is_enough(sample_url: str) -> None:
    summary = write_sample(sample_url, tickets=1)
    assert summary.tickets == 1
    assert summary.articles >= 1
    assert summary.customers == 20
    assert summary.companies == 5


@pytest.mark.parametrize("tickets", [0, -3])
def test_no_tickets_are_an_error(tmp_path: Path, tickets: int) -> None:
    target = tmp_path / "sample.db"
    with pytest.raises(InvalidSampleError, match="at least 1 ticket") as error:
        write_sample(f"sqlite:///{target}", tickets=tickets)
    assert error.value.exit_code == 2
    assert not target.exists()


def test_a_database_with_tables_of_otrs_is_refused_and_left_alone(
    sample_url: str, fingerprint: Callable[[str], str]
) -> None:
    write_sample(sample_url, tickets=1)
    before = fingerprint(sample_url)
    with pytest.raises(TargetInUseError, match="already holds tables of an OTRS") as error:
        write_sample(sample_url, tickets=1)
    assert error.value.exit_code == 3
    assert fingerprint(sample_url) == before


def test_a_database_of_another_version_is_refused(sample_url: str) -> None:
    engine = create_engine(sample_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE permission_groups (id INTEGER)"))
    engine.dispose()
    with pytest.raises(TargetInUseError, match="permission_groups"):
        write_sample(sample_url, tickets=1)


def test_tables_of_something_else_are_no_obstacle(sample_url: str) -> None:
    engine = create_engine(sample_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE wiki_page (id INTEGER)"))
    engine.dispose()
    assert write_sample(sample_url, tickets=1).tickets == 1


def test_an_address_that_is_none_is_an_error() -> None:
    with pytest.raises(InvalidSampleError, match=r"sqlite:///sample\.db"):
        write_sample("sample.db")


def test_a_server_that_does_not_answer_is_an_error_without_the_password() -> None:
    with pytest.raises(SampleError, match="Check that the server runs") as error:
        write_sample("mysql+pymysql://root:secret@127.0.0.1:9/sample")
    assert "secret" not in str(error.value)


def test_progress_ends_with_all_tickets(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample(f"sqlite:///{tmp_path / 'sample.db'}", tickets=250, on_progress=lambda *step: seen.append(step))
    assert seen == [(100, 250), (200, 250), (250, 250)]


def test_sqlite_holds_blobs_as_bytes_and_times_without_fractions(tmp_path: Path) -> None:
    target = tmp_path / "sample.db"
    write_sample(f"sqlite:///{target}", tickets=1)
    with sqlite3.connect(target) as connection:
        kinds = connection.execute(
            "SELECT DISTINCT typeof(effective_value), typeof(create_time), create_time FROM sysconfig_default"
        ).fetchall()
    connection.close()
    assert kinds == [("blob", "text", "2024-01-01 08:00:00")]


def test_raw_mails_parse_to_the_parts_of_their_article(sample_url: str, read_rows: Callable[[str], Rows]) -> None:
    write_sample(sample_url, tickets=200)
    rows = read_rows(sample_url)
    sizes: dict[object, list[int]] = {}
    for part in rows["article_data_mime_attachment"]:
        content = part["content"]
        assert isinstance(content, bytes)
        if not str(part["filename"]).startswith("file-"):
            sizes.setdefault(part["article_id"], []).append(len(content))
    subjects = {row["article_id"]: row["a_subject"] for row in rows["article_data_mime"]}
    for row in rows["article_data_mime_plain"]:
        raw = row["body"]
        assert isinstance(raw, bytes)
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert mail["Subject"] == subjects[row["article_id"]]
        found = [
            len(part.get_payload(decode=True) or b"")
            for part in mail.walk()
            if part.get_content_disposition() and not str(part.get_filename()).startswith("file-")
        ]
        assert found == sizes.get(row["article_id"], [])
