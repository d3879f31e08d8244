"""Runs after the first: what is held is not fetched again, what is gone is gone, two generations stay."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from few_tables import Extract, query

from extract import generations

ROOT = Path(__file__).resolve().parents[2]


def test_a_second_run_fetches_what_is_new_or_described_anew_and_drops_what_is_gone(
    source: Path, extracted: Path, extract: Extract
) -> None:
    ids = [row[0] for row in query(extracted, "select id from raw_otrs.article_data_mime_attachment order by id")]
    gone, renamed, typed, new = ids[0], ids[1], ids[2], ids[-1] + 1
    (ticket,) = query(extracted, "select max(id) from raw_otrs.ticket")[0]
    with closing(sqlite3.connect(source)) as db, db:
        db.execute("delete from article_data_mime_attachment where id = ?", [gone])
        db.execute(
            "update article_data_mime_attachment set filename = 'renamed', content = x'00ff' where id = ?", [renamed]
        )
        db.execute("update article_data_mime_attachment set content_type = 'x/y' where id = ?", [typed])
        db.execute("create temp table more as select * from article_data_mime_attachment where id = ?", [ids[3]])
        db.execute("update more set id = ?", [new])
        db.execute("insert into article_data_mime_attachment select * from more")
        db.execute("delete from ticket where id = ?", [ticket])

    second = extract(source)

    assert second.files == 3
    current = {
        row[0]: row[1:]
        for row in query(
            extracted,
            "select attachment_key, filename, size, sha256 from raw_otrs.attachment_contents"
            " where starts_with(attachment_key, 'otrs:attachment:')",
        )
    }
    assert set(current) == {f"otrs:attachment:{key}" for key in [*ids[1:], new]}
    assert current[f"otrs:attachment:{renamed}"] == ("renamed", 2, hashlib.sha256(b"\0\xff").hexdigest())
    assert query(extracted, f"select count(*) from raw_otrs.ticket where id = {ticket}") == [(0,)]
    assert second.changes == {"ticket": (0, 1), "article_data_mime_attachment": (1, 1)}
    assert sorted(query(extracted, "from raw_otrs.row_changes")) == [
        ("article_data_mime_attachment", 1, 1),
        ("ticket", 0, 1),
    ]
    assert query(extracted, f"select count(*) from raw_otrs_1.ticket where id = {ticket}") == [(1,)]

    third = extract(source)
    assert (third.generation, third.files, third.file_bytes) == (3, 0, 0)
    assert third.changes == {}
    schemas = query(extracted, "select schema_name from duckdb_schemas() where schema_name like 'raw_otrs%' order by 1")
    assert schemas == [("raw_otrs",), ("raw_otrs_2",), ("raw_otrs_3",)]
    assert query(extracted, "select generation from raw_otrs.source_profile") == [(3,)]
    log = query(extracted, "select generation, row_count from extract_log.raw_otrs_generations order by 1")
    assert log == [(1, log[0][1]), (2, second.rows), (3, third.rows)]


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_warehouse_that_another_program_holds_is_refused_with_its_process(source: Path, extracted: Path) -> None:
    environment = {
        **os.environ,
        "OTRS__CREDENTIALS": f"sqlite:///{source}",
        "WAREHOUSE__PATH": str(extracted),
    }
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(extracted)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = subprocess.run(
            [sys.executable, "-m", "otrs2intercom", "extract", "otrs"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        holder.communicate("")
    assert refused.returncode == 3, refused.stderr
    assert f"process {holder.pid}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert query(extracted, "select generation from raw_otrs.source_profile") == [(1,)]


def publish(warehouse: Path, number: int, views: dict[str, str], schema: str = "raw_x", **more: Any) -> None:
    generation = generations.start(warehouse, schema)
    assert generation.number == number
    with duckdb.connect(str(warehouse)) as db:
        db.execute(f"create schema {generation.dataset}")
        for view in views:
            db.execute(f"create table {generation.dataset}.{view} as select {number} as generation")
    selects = {view: f"select * from {generation.dataset}.{view}" for view in views}
    generations.publish(generation, selects, datetime.fromisoformat("2026-01-01"), 1, **more)


def test_a_view_that_a_later_generation_lacks_goes_and_what_others_made_stays(warehouse: Path) -> None:
    publish(warehouse, 1, dict.fromkeys(["a", "b"], ""))
    with duckdb.connect(str(warehouse)) as db:
        db.execute("create view raw_x.analyst as select 1 as one")
        db.execute("create table raw_x.notes as select 1 as one")
        db.execute("create table raw_x.c as select 'stand-in' as generation where false")
    publish(warehouse, 2, dict.fromkeys(["b", "c"], ""))
    views = query(
        warehouse, "select table_name, table_type from information_schema.tables where table_schema = 'raw_x'"
    )
    assert sorted(views) == [("analyst", "VIEW"), ("b", "VIEW"), ("c", "VIEW"), ("notes", "BASE TABLE")]
    assert query(warehouse, "from raw_x.c") == [(2,)]


def test_generations_that_share_a_schema_of_views_leave_each_other_s_alone(warehouse: Path) -> None:
    publish(warehouse, 1, {"a": ""})
    publish(warehouse, 1, {"b": ""}, schema="raw_x_readback", into="raw_x")
    publish(warehouse, 2, {"a": ""})
    publish(warehouse, 2, {"b": ""}, schema="raw_x_readback", into="raw_x")
    assert query(warehouse, "from raw_x.a") == query(warehouse, "from raw_x.b") == [(2,)]
    publish(warehouse, 3, {"a": ""})
    schemas = query(warehouse, "select schema_name from duckdb_schemas() where schema_name like 'raw_x%' order by 1")
    assert [name for (name,) in schemas] == [
        "raw_x",
        "raw_x_2",
        "raw_x_3",
        "raw_x_readback_1",
        "raw_x_readback_2",
    ]
