"""A snapshot is one moment, reads only, and says so when the source fails."""

import shutil
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pymysql
import pytest
from few_tables import Extract, query
from sqlalchemy.engine import make_url
from support.database_servers import DatabaseServer

from extract.errors import SourceError
from extract.otrs import Progress
from extract.otrs.batches import BatchColumn, Rejected, batches
from extract.otrs.snapshot import Throttle, open_snapshot
from otrs2intercom.sample import write_sample


@pytest.fixture(scope="module")
def otrs_in_mariadb(mariadb_server: DatabaseServer) -> Iterator[str]:
    """A sample in MariaDB, for an account that may only read it."""
    write_sample(mariadb_server.create_database("snapshot"), tickets=12, seed=3)
    mariadb_server.execute(
        "create or replace user reader@127.0.0.1 identified by 'reading'",
        "grant select on snapshot.* to reader@127.0.0.1",
    )
    yield f"mysql://reader:reading@{mariadb_server.host}:{mariadb_server.port}/snapshot"
    mariadb_server.execute("drop user reader@127.0.0.1")
    mariadb_server.drop_database("snapshot")


def test_an_extract_sees_nothing_of_what_is_written_while_it_runs(
    otrs_in_mariadb: str, mariadb_server: DatabaseServer, warehouse: Path, extract: Extract
) -> None:
    with closing(mariadb_server.connect("snapshot")) as other, other.cursor() as cursor:

        def count(table: str) -> int:
            cursor.execute(f"select count(*) from {table}")
            return int(cursor.fetchone()[0])

        before = {table: count(table) for table in ("users", "ticket", "article", "article_data_mime")}
        written: list[str] = []

        def write(table: str, _done: int, _expected: int) -> None:
            if written or table == "users":
                return
            written.append(table)
            for name in ("ticket", "article", "article_data_mime"):
                cursor.execute(f"create temporary table more as select * from {name} order by id limit 1")
                cursor.execute("update more set id = 900001" + (", tn = '900001'" if name == "ticket" else ""))
                cursor.execute(f"insert into {name} select * from more")
                cursor.execute("drop temporary table more")
            cursor.execute("update ticket set title = 'written meanwhile'")
            cursor.execute("delete from article_data_mime where id < 900000 order by id desc limit 1")
            cursor.execute("select max(id) from article_data_mime_attachment")
            written.append(str(cursor.fetchone()[0]))
            cursor.execute(f"delete from article_data_mime_attachment where id = {written[-1]}")

        result = extract(otrs_in_mariadb, Progress(on_table=write))
        assert written[0] != "users"
        assert count("ticket") == before["ticket"] + 1

    for table, number in before.items():
        assert query(warehouse, f"select count(*) from raw_otrs.{table}") == [(number,)]
    assert {read.table_name: read.row_count for read in result.tables}["ticket"] == before["ticket"]
    assert query(warehouse, "select count(*) from raw_otrs.ticket where title = 'written meanwhile'") == [(0,)]
    # Its bytes are fetched afterwards: the file that went meanwhile is a row that says so.
    gone = query(warehouse, "select attachment_key, content, missing_reason from raw_otrs.attachment_contents"
                            " where missing_reason is not null")  # fmt: skip
    assert gone == [(f"otrs:attachment:{written[-1]}", None, "deleted from the source while it was read")]


def write_through(connection: Any, sql: str) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
    finally:
        cursor.close()


@pytest.mark.parametrize("engine", ["sqlite", "mariadb", "postgresql"])
def test_the_source_s_session_refuses_to_write(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.sqlite'}"
        with closing(sqlite3.connect(tmp_path / "x.sqlite")) as db, db:
            db.execute("create table ticket (id integer)")
    else:
        server: DatabaseServer = request.getfixturevalue(f"{engine}_server")
        url = server.create_database("read_only")
        server.execute("create table ticket (id integer)", database="read_only")
    refusals = (sqlite3.OperationalError, pymysql.MySQLError, psycopg.errors.ReadOnlySqlTransaction)
    for sql in ("insert into ticket values (1)", "create table mine (id integer)", "drop table ticket"):
        with open_snapshot(make_url(url)) as snapshot:
            with pytest.raises(refusals, match=r"(?i)read.?only"):
                write_through(snapshot.connection, sql)
            if engine != "postgresql":  # whose transaction has failed by now
                assert snapshot.count("ticket") == 0


@pytest.mark.parametrize("engine", ["mariadb", "postgresql"])
def test_what_is_committed_after_the_snapshot_is_not_seen(engine: str, request: pytest.FixtureRequest) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{engine}_server")
    url = server.create_database("one_moment")
    server.execute("create table ticket (id integer)", "insert into ticket values (1), (2)", database="one_moment")
    with open_snapshot(make_url(url)) as snapshot:
        server.execute("insert into ticket values (3)", "delete from ticket where id = 1", database="one_moment")
        assert snapshot.count("ticket") == 2
        assert sorted(snapshot.rows("select id from ticket")) == [(1,), (2,)]
        assert list(snapshot.rows("select id from ticket where id = ?", (2,))) == [(2,)]


def test_a_source_that_breaks_off_ends_the_run_with_a_sentence(
    otrs_in_mariadb: str, mariadb_server: DatabaseServer, warehouse: Path, extract: Extract
) -> None:
    def cut(table: str, _done: int, _expected: int) -> None:
        if table == "article":
            with closing(mariadb_server.connect()) as other, other.cursor() as cursor:
                cursor.execute("select id from information_schema.processlist where user = 'reader'")
                for (process,) in cursor.fetchall():
                    cursor.execute(f"kill {process}")

    with pytest.raises(SourceError, match="The source failed while it was read") as error:
        extract(otrs_in_mariadb, Progress(on_table=cut))
    assert error.value.exit_code == 6
    assert "reading@" not in str(error.value)
    with duckdb.connect(str(warehouse), read_only=True) as db:
        assert db.execute("select 1 from duckdb_views() where schema_name = 'raw_otrs'").fetchall() == []


def test_a_second_query_while_one_is_streamed_is_an_error_not_a_loss(otrs_in_mariadb: str) -> None:
    with open_snapshot(make_url(otrs_in_mariadb).set(drivername="mysql+pymysql")) as snapshot:
        streamed = snapshot.rows("select id from ticket_history order by id")
        next(streamed)
        with pytest.raises(SourceError, match="left incomplete"):
            snapshot.count("ticket")
        rest = list(streamed)
        assert 1 + len(rest) == snapshot.count("ticket_history")


def test_a_table_that_the_account_may_not_read_is_an_error_not_an_empty_table(
    postgresql_server: DatabaseServer,
) -> None:
    url = postgresql_server.create_database("no_right")
    postgresql_server.execute("drop role if exists reader")
    postgresql_server.execute(
        "create role reader login password 'reading'", "create table ticket (id integer)", database="no_right"
    )
    reader = make_url(url).set(username="reader", password="reading")
    with open_snapshot(reader) as snapshot:
        assert "ticket" in snapshot.tables
        with pytest.raises(SourceError, match="permission denied"):
            snapshot.count("ticket")


def test_text_in_sqlite_that_is_no_utf_8_does_not_end_the_query(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as db, db:
        db.execute("create table ticket (id integer, title text)")
        db.execute("insert into ticket values (1, cast(x'4772fc' as text)), (2, 'Grün')")
    with open_snapshot(make_url(f"sqlite:///{tmp_path / 'x.sqlite'}")) as snapshot:
        assert list(snapshot.rows("select title from ticket order by id")) == [(b"Gr\xfc",), ("Grün",)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "does not exist"), (b"", "holds no table"), (b"not a database" * 100, "Cannot read sqlite")],
)
def test_a_file_that_is_no_database_of_otrs_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "x.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as error, open_snapshot(make_url(f"sqlite:///{path}")):
        pytest.fail("there is nothing to read")
    assert "x.sqlite" in str(error.value)
    assert path.exists() is (content is not None)


def test_rows_are_let_through_at_the_rate_that_was_asked_for() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    throttle = Throttle(50, clock=lambda: now[0], sleep=sleep)
    for _ in range(10):
        throttle.take(100)
    assert sum(slept) == pytest.approx(20)
    now[0] += 1000  # idle time is not made up for
    throttle.take(100)
    assert slept[-1] == pytest.approx(2)


def test_without_a_rate_nothing_waits() -> None:
    throttle = Throttle(None, sleep=lambda _seconds: pytest.fail("waited"))
    throttle.take(10**9)


def test_every_row_that_is_read_passes_the_throttle(source: Path) -> None:
    taken: list[int] = []

    class Counting(Throttle):
        def take(self, rows: int) -> None:
            taken.append(rows)

    url = make_url(f"sqlite:///{source}")
    with open_snapshot(url, throttle=Counting(None)) as snapshot:
        rows = len(list(snapshot.rows("select * from ticket_history")))
    assert sum(taken) == rows > 0


def test_text_in_an_old_mysql_table_that_is_no_utf_8_does_not_end_the_query(mariadb_server: DatabaseServer) -> None:
    mariadb_server.create_database("old_times")
    with closing(mariadb_server.connect("old_times")) as connection, connection.cursor() as cursor:
        cursor.execute("select @@datadir")
        folder = Path(cursor.fetchone()[0]) / "old_times"
        cursor.execute("create table ticket (id int primary key, title varbinary(400)) engine=myisam")
        cursor.execute("insert into ticket values (1, x'4772fc6e'), (2, x'4772c3bc6e')")
        cursor.execute("create table other (id int primary key, title varchar(100)) engine=myisam")
        cursor.execute("flush tables")
        # Bytes that nobody checked are read as text, as after an upgrade from a server of former times.
        shutil.copyfile(folder / "other.frm", folder / "ticket.frm")
        cursor.execute("flush tables")
    url = make_url(mariadb_server.url("old_times"))
    rejected: list[Rejected] = []
    with open_snapshot(url) as snapshot:
        rows = snapshot.rows("select id, title from ticket order by id")
        columns = [BatchColumn("id", "integer"), BatchColumn("title", "text")]
        (batch,) = batches(rows, columns, table="ticket", key=[0], reject=rejected.append)
    assert batch.column("title").to_pylist() == ["Gr\ufffdn", "Grün"]
    assert rejected == [Rejected("ticket", "1", "title", "not UTF-8 at character 2 (byte fc); replaced")]
    mariadb_server.drop_database("old_times")


@pytest.mark.parametrize(
    ("engine", "options", "complaint"),
    [
        ("postgresql", {"sslmode": "require"}, "does not support SSL"),
        ("mariadb", {"ssl_ca": "CA", "ssl_verify_cert": "true"}, "SSL"),
    ],
)
def test_a_server_without_tls_is_refused_when_the_address_asks_for_it(
    engine: str, options: dict[str, str], complaint: str, request: pytest.FixtureRequest
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{engine}_server")
    url = make_url(server.create_database("needs_tls"))
    authority = Path(ssl.get_default_verify_paths().openssl_cafile)
    if "ssl_ca" in options:
        if not authority.is_file():
            pytest.skip(f"no certificate authorities in {authority}")
        options = options | {"ssl_ca": str(authority)}
    with pytest.raises(SourceError, match=complaint), open_snapshot(url.update_query_dict(options)):
        pytest.fail("it was read without TLS")


def test_values_as_bytes_are_those_that_the_driver_converts(mariadb_server: DatabaseServer) -> None:
    """Lengths around each border of the protocol, and more than fits into one of its packets."""
    lengths = (0, 1, 250, 251, 252, 255, 65_535, 65_536, 1 << 24, (1 << 24) + 7)
    mariadb_server.create_database("as_bytes")
    mariadb_server.execute(
        "create table ticket (id int primary key, title longtext, none int, share decimal(10, 2), made datetime)",
        *(
            f"insert into ticket values ({n}, repeat('x', {n}), null, -{n % 7}.25, '2024-01-02 03:04:05')"
            for n in lengths
        ),
        database="as_bytes",
    )
    with open_snapshot(make_url(mariadb_server.url("as_bytes"))) as snapshot:
        sql = "select * from ticket order by id"
        converted = list(snapshot.rows(sql))
        raw = list(snapshot.rows(sql, as_bytes=True))
    assert {type(value) for row in raw for value in row} == {bytes, type(None)}
    assert len(raw) == len(lengths)
    for row, expected in zip(raw, converted, strict=True):
        assert [None if value is None else value.decode() for value in row] == [
            None if value is None else str(value) for value in expected
        ]
    mariadb_server.drop_database("as_bytes")
