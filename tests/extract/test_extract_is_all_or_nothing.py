"""A run that fails or dies changes nothing that anybody reads, and the next one needs no clean-up."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import pytest
from few_tables import FEW, WITH_CONTENTS, Extract

from extract.errors import CountMismatchError
from extract.otrs import Progress
from extract.otrs.snapshot import Snapshot, open_snapshot

PROGRAM = Path(__file__).with_name("extract_in_a_process.py")


def content(warehouse: Path) -> dict[str, list[Any]]:
    """All rows of all views that everybody reads."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return {
            table: db.execute(f"from raw_otrs.{table} order by all").fetchall()
            for table in (*FEW, *WITH_CONTENTS, "source_profile", "attachment_contents")
        }


def generations_of(warehouse: Path) -> list[str]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        names = db.execute("select schema_name from duckdb_schemas() where schema_name like 'raw_otrs_%'").fetchall()
    return sorted({name for (name,) in names})


def change(source: Path) -> None:
    """Another title, a ticket more, an article with its file less, a file more."""
    with closing(sqlite3.connect(source)) as db, db:
        db.execute("update ticket set title = 'changed since' where id = (select min(id) from ticket)")
        db.execute("create temp table more as select * from ticket limit 1")
        db.execute("update more set id = 900001, tn = '900001'")
        db.execute("insert into ticket select * from more")
        db.execute("create temp table files as select * from article_data_mime_attachment limit 25")
        db.execute("update files set id = id + 900000, content = 'other bytes'")
        db.execute("insert into article_data_mime_attachment select * from files")
        db.execute(
            "delete from article_data_mime_attachment where article_id = (select max(article_id)"
            " from article_data_mime_attachment where id < 900000)"
        )


@pytest.mark.parametrize(
    "point",
    [
        "looking",
        "reading",
        "normalizing",
        "loading",
        "before the files",
        "within a package",
        "between two packages",
        "publishing",
    ],
)
def test_a_killed_run_leaves_the_previous_generation_and_the_next_run_works(
    point: str, source: Path, extracted: Path, extract: Extract
) -> None:
    before = content(extracted)
    change(source)
    killed = subprocess.run(
        [sys.executable, str(PROGRAM), f"sqlite:///{source}", str(extracted), point],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert content(extracted) == before

    second = extract(source)
    after = content(extracted)
    assert second.generation == 2
    assert generations_of(extracted) == ["raw_otrs_1", "raw_otrs_2"]
    assert len(after["ticket"]) == len(before["ticket"]) + 1
    wanted = [*after["article_data_mime_attachment"], *after["article_data_mime_plain"]]
    assert len(after["attachment_contents"]) == len(wanted)
    assert {"changed since"} <= {value for row in after["ticket"] for value in row}
    fetched = {"within a package": 15, "between two packages": 5, "publishing": 0}
    assert second.files == fetched.get(point, 25), "what was committed is not fetched again"
    with duckdb.connect(str(extracted), read_only=True) as db:
        held = db.execute(
            "select count(attachment_key), count(distinct attachment_key)"
            " from otrs_attachment_store.attachment_contents"
        )
        assert len(set(held.fetchone() or ())) == 1, "no file is held twice"
    assert [path.name for path in extracted.parent.iterdir() if "dlt" in path.name] == []


class Losing(Snapshot):
    """A driver that loses the last row of a table, as streaming cursors on one connection do."""

    def rows(self, sql: str, *arguments: Any, **named: Any) -> Iterator[tuple[Any, ...]]:
        rows = list(super().rows(sql, *arguments, **named))
        yield from rows[:-1] if 'from "article"' in sql else rows


def test_a_table_that_gives_fewer_rows_than_it_holds_stops_the_run(
    source: Path, extracted: Path, extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(extracted)
    change(source)

    @contextmanager
    def losing(*arguments: Any, **named: Any) -> Iterator[Snapshot]:
        with open_snapshot(*arguments, **named) as snapshot:
            yield Losing(**{field.name: getattr(snapshot, field.name) for field in fields(Snapshot)})

    with monkeypatch.context() as patch:
        patch.setattr("extract.otrs.open_snapshot", losing)
        with pytest.raises(CountMismatchError, match=r"Table article gave \d+ rows, but holds \d+") as error:
            extract(source)
    assert error.value.exit_code == 6
    assert content(extracted) == before
    assert extract(source).generation == 2


def test_an_interrupted_run_says_so_and_changes_nothing(source: Path, extracted: Path, extract: Extract) -> None:
    before = content(extracted)

    def interrupt(table: str, _done: int, _expected: int) -> None:
        if table == "article":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(source, Progress(on_table=interrupt))
    assert content(extracted) == before
    assert extract(source).generation == 2
