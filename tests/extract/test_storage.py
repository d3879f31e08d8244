"""Where attachments are is told by the raw mails of what OTRS sent, since the setting may not be in the database."""

import sqlite3
from datetime import datetime

import pytest
import sqlalchemy as sa

from extract.otrs.snapshot import Snapshot, SourceColumn
from extract.otrs.storage import detect_storage

SETTING = "Kernel::System::Ticket::Article::Backend::MIMEBase::"


def database(*, sent: int, in_database: int, old: bool = False) -> Snapshot:
    """Articles that were sent, of which some have a raw mail, and as many that were not and have none."""
    plain = "article_plain" if old else "article_data_mime_plain"
    rows = sqlite3.connect(":memory:")
    rows.executescript(
        "create table ticket_history (id integer primary key, article_id, history_type_id);"
        "create table ticket_history_type (id, name);"
        f"create table {plain} (article_id);"
        "insert into ticket_history_type values (1, 'SendAnswer'), (2, 'AddNote'), (3, 'SendAutoReply');"
    )
    for article in range(sent):
        rows.execute(
            "insert into ticket_history (article_id, history_type_id) values (?, ?)", [article, 1 + article % 2 * 2]
        )
        rows.execute("insert into ticket_history (article_id, history_type_id) values (?, 2)", [1000 + article])
        if article < in_database:
            rows.execute(f"insert into {plain} values (?)", [article])
    tables = {"ticket_history", "ticket_history_type", plain} | (set() if old else {"article_data_mime"})
    described = {name: (SourceColumn("id", sa.Text()),) for name in tables}
    return Snapshot("sqlite", "3", datetime.fromisoformat("2026-01-01"), described, rows)


@pytest.mark.parametrize(
    ("module", "sent", "in_database", "storage"),
    [
        ("ArticleStorageDB", 10, 10, "database"),
        ("ArticleStorageDB", 0, 0, "database"),
        ("ArticleStorageDB", 10, 4, "mixed"),
        ("ArticleStorageDB", 10, 0, "files"),
        ("ArticleStorageFS", 10, 0, "files"),
        ("ArticleStorageFS", 10, 3, "mixed"),
        ("ArticleStorageFS", 10, 10, "mixed"),
        ("ArticleStorageFS", 0, 0, "files"),
        ("ArticleStorageS3", 10, 10, "S3"),
        ("Own", 0, 0, "unknown"),
        (None, 0, 0, "unknown"),
        (None, 10, 10, "database"),
        (None, 10, 0, "files"),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_the_rows_have_the_last_word(
    module: str | None, sent: int, in_database: int, storage: str, *, old: bool
) -> None:
    setting = f"{SETTING}{module}" if module else None
    source = database(sent=sent, in_database=in_database, old=old)
    found, evidence = detect_storage(source, setting, "the setting")
    assert found == storage
    if sent and storage != "S3":
        assert f"{in_database} of {sent} mails that OTRS sent" in evidence
    if module:
        assert module in evidence


def test_a_database_without_history_says_nothing() -> None:
    empty = Snapshot("sqlite", "3", datetime.fromisoformat("2026-01-01"), {}, sqlite3.connect(":memory:"))
    assert detect_storage(empty, None, "") == ("unknown", "no setting in the database")
