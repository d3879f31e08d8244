"""Bytes of attachments and raw mails: from every place, whole, once, in packages, and never silently lost."""

import base64
import binascii
import hashlib
import os
import shutil
import sqlite3
import textwrap
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import sqlalchemy as sa
from few_tables import query
from support.database_servers import DatabaseServer

from extract import generations
from extract.errors import SettingsError
from extract.otrs import contents, disk, store
from extract.otrs.article_files import SCHEMA, read_article_files
from extract.otrs.settings import OtrsSettings
from extract.otrs.snapshot import open_snapshot

DATASET = "raw_otrs_1"
STORE = "otrs_attachment_store.attachment_contents"
FILE_COLUMNS = "id, article_id, filename, content_size, content_type, content_id, disposition"
MEGABYTE = 1 << 20

NEW = ("article_data_mime_attachment", "article_data_mime_plain")
OLD = ("article_attachment", "article_plain")


class KilledError(Exception):
    """Stands for whatever ends a run."""


class Progress(NamedTuple):
    done: int
    expected: int
    size: int


class Otrs:
    """A source of a few tables, and the warehouse that holds its metadata, as after the extract of the rows."""

    def __init__(self, url: str, warehouse: Path, tables: Sequence[str] = NEW, blob: str = "blob") -> None:
        self.url = url
        self.warehouse = warehouse
        self.tables = tables
        self.files, self.mails = tables
        self.article_dir: Path | None = None
        self.progress: list[Progress] = []
        times = "create_time varchar(30), change_time varchar(30)"
        described = (
            "filename varchar(250), content_size varchar(30), content_type varchar(450), content_id varchar(250)"
        )
        self.sql(
            f"create table {self.files} (id integer primary key, article_id integer, {described},"
            f" disposition varchar(15), content {blob}, {times})"
        )
        self.sql(f"create table {self.mails} (id integer primary key, article_id integer, body {blob}, {times})")
        if tables == NEW:
            self.sql("create table article_data_mime (id integer, article_id integer, content_path varchar(250))")

    def sql(self, statement: str, values: Any = ()) -> None:
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        with engine.begin() as connection:
            connection.exec_driver_sql(statement.replace("?", mark), values)

    def attach(self, key: int, content: Any, name: str = "file", size: int | None = None) -> None:
        noted = len(content or b"") if size is None else size
        self.sql(
            f"insert into {self.files} (id, article_id, filename, content_size, content) values (?, ?, ?, ?, ?)",
            (key, 1, name, str(noted), content),
        )

    def mail(self, key: int, body: Any) -> None:
        self.sql(f"insert into {self.mails} (id, article_id, body) values (?, ?, ?)", (key, 2, body))

    def describe(self) -> None:
        """Take the metadata into the warehouse, as the extract of the rows does."""
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.connect() as source, closing(duckdb.connect(str(self.warehouse))) as db:
            db.execute(f"create schema if not exists {DATASET}")
            for table in (*NEW, *OLD):
                columns = FILE_COLUMNS if "attachment" in table else "id, article_id, create_time, change_time"
                typed = ", ".join(
                    f"{c} {'bigint' if c in {'id', 'article_id'} else 'varchar'}" for c in columns.split(", ")
                )
                db.execute(f"create or replace table {DATASET}.{table} ({typed})")
                if table in self.tables:
                    found = source.exec_driver_sql(f"select {columns} from {table}").fetchall()
                    names = columns.split(", ")
                    rows = sa_rows_to_arrow(names, found)
                    db.execute(f"insert into {DATASET}.{table} select * from rows")
                    assert rows.num_rows == len(found)
            on_disk = SCHEMA.empty_table()
            if self.article_dir:
                with open_snapshot(self.address) as snapshot:
                    (on_disk,) = read_article_files(snapshot, self.article_dir, lambda _: None)
            db.execute(f"create or replace table {DATASET}.article_files as select * from on_disk")
            assert on_disk.schema == SCHEMA

    @property
    def address(self) -> Any:
        return OtrsSettings(self.url).url()

    def fetch(self) -> tuple[int, int]:
        self.describe()
        return self.fetch_described()

    def fetch_described(self) -> tuple[int, int]:
        self.progress.clear()
        fetched = contents.extract_contents(
            self.address, self.warehouse, DATASET, lambda *at: self.progress.append(Progress(*at)), self.article_dir
        )
        with closing(duckdb.connect(str(self.warehouse))) as db:
            db.execute(f"create or replace view current as {contents.view_of_current(DATASET)}")
        return fetched

    def current(self) -> dict[str, tuple[bytes | None, str | None]]:
        rows = query(self.warehouse, "select attachment_key, content, missing_reason from current")
        assert len({row[0] for row in rows}) == len(rows)
        return {row[0]: row[1:] for row in rows}


def sa_rows_to_arrow(names: Sequence[str], rows: Sequence[Any]) -> Any:
    arrow = import_module("pyarrow")
    return arrow.table({name: [row[position] for row in rows] for position, name in enumerate(names)})


@pytest.fixture(params=[NEW, OLD], ids=["since OTRS 6", "up to OTRS 5"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Otrs:
    return Otrs(f"sqlite:///{tmp_path}/otrs.sqlite", tmp_path / "warehouse.duckdb", request.param)


@pytest.fixture
def otrs(tmp_path: Path) -> Otrs:
    return Otrs(f"sqlite:///{tmp_path}/otrs.sqlite", tmp_path / "warehouse.duckdb")


@pytest.fixture
def otrs_on_postgresql(postgresql_server: DatabaseServer, tmp_path: Path) -> Iterator[Otrs]:
    yield Otrs(postgresql_server.create_database("contents"), tmp_path / "warehouse.duckdb", blob="text")
    postgresql_server.drop_database("contents")


@pytest.fixture
def small_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of 3 MB, vectors of 2 MB, pages of 1 MB."""
    monkeypatch.setattr(contents, "PACKAGE_BYTES", 3 * MEGABYTE)
    monkeypatch.setattr(contents, "PAGE_BYTES", MEGABYTE)
    monkeypatch.setattr(store, "VECTOR_BYTES", 2 * MEGABYTE)
    monkeypatch.setattr(store, "BATCH_BYTES", MEGABYTE)


def as_otrs_writes(content: bytes) -> str:
    """Base64 in lines of 76, as Perl's MIME::Base64 makes it."""
    return "".join(f"{line}\n" for line in textwrap.wrap(base64.b64encode(content).decode(), 76))


def test_attachments_and_raw_mails_are_held_under_their_keys_with_size_and_hash(either: Otrs) -> None:
    either.attach(1, b"\0\xff\x80", name="größe.bin")
    either.attach(2, b"", name="empty")
    either.attach(3, None)
    either.mail(1, b"From: ada@example.com\r\n\r\n\xe4")

    assert either.fetch() == (4, 29)

    assert either.current() == {
        "otrs:attachment:1": (b"\0\xff\x80", None),
        "otrs:attachment:2": (b"", None),
        "otrs:attachment:3": (b"", None),
        "otrs:article_plain:1": (b"From: ada@example.com\r\n\r\n\xe4", None),
    }
    described = query(either.warehouse, "select article_id, filename, size, sha256 from current where size = 3")
    assert described == [(1, "größe.bin", 3, hashlib.sha256(b"\0\xff\x80").hexdigest())]
    assert either.progress[0] == (0, 4, 0)
    assert either.progress[-1] == (4, 4, 29)


def test_a_second_run_fetches_nothing_and_what_is_described_anew_is_fetched_again(otrs: Otrs) -> None:
    otrs.attach(1, b"one")
    otrs.attach(2, b"two")
    otrs.mail(1, b"mail")
    otrs.fetch()
    assert otrs.fetch() == (0, 0)

    otrs.sql(f"update {otrs.files} set content = ?, content_type = 'x/y' where id = 2", (b"new",))
    otrs.sql(f"update {otrs.mails} set body = ?, change_time = '2024-01-01' where id = 1", (b"another",))
    otrs.attach(3, b"three")

    assert otrs.fetch() == (3, 15)
    assert otrs.current() == {
        "otrs:attachment:1": (b"one", None),
        "otrs:attachment:2": (b"new", None),
        "otrs:attachment:3": (b"three", None),
        "otrs:article_plain:1": (b"another", None),
    }
    assert otrs.fetch() == (0, 0)


def test_a_row_lost_meanwhile_has_its_reason_until_it_is_there_again(otrs: Otrs) -> None:
    for key in range(1, 6):
        otrs.attach(key, b"x")
    otrs.describe()
    otrs.sql(f"delete from {otrs.files} where id in (1, 3, 5)")

    assert otrs.fetch_described() == (2, 2)
    gone = (None, "deleted from the source while it was read")
    expected: dict[str, Any] = {f"otrs:attachment:{key}": gone if key % 2 else (b"x", None) for key in range(1, 6)}
    assert otrs.current() == expected

    assert otrs.fetch_described() == (0, 0)
    assert otrs.current() == expected

    otrs.attach(3, b"back")
    assert otrs.fetch_described() == (1, 4)
    assert otrs.current() == expected | {"otrs:attachment:3": (b"back", None)}
    assert query(otrs.warehouse, f"select count(attachment_key) from {STORE}") == [(6,)]


def test_a_run_that_dies_is_continued_where_it_was(otrs: Otrs, small_packages: None) -> None:
    del small_packages
    for key in range(20):
        otrs.attach(key, os.urandom(MEGABYTE), name=f"{key}")

    def dies(done: int, _expected: int, _size: int) -> None:
        if done >= 9:
            raise KilledError

    otrs.describe()
    with pytest.raises(KilledError):
        contents.extract_contents(otrs.address, otrs.warehouse, DATASET, dies)
    assert query(otrs.warehouse, f"select count(attachment_key) from {STORE}") == [(9,)]
    assert not otrs.warehouse.with_name(".warehouse.duckdb.dlt").exists()

    assert otrs.fetch() == (11, 11 * MEGABYTE)
    assert [at.done for at in otrs.progress] == [0, 3, 6, 9, 11]
    held = query(otrs.warehouse, "select count(*), count(*) filter (where sha256(content) = sha256) from current")
    assert held == [(20, 20)]


def test_a_package_is_full_by_its_bytes_also_where_the_noted_sizes_are_wrong(otrs: Otrs, small_packages: None) -> None:
    del small_packages
    for key in range(10):
        otrs.attach(key, bytes(MEGABYTE), size=1)  # all of them one page
    assert otrs.fetch() == (10, 10 * MEGABYTE)
    assert [at.done for at in otrs.progress] == [0, 3, 6, 9, 10]


def test_no_more_bytes_share_a_vector_than_fit_into_memory_whatever_the_warehouse_does_later(
    otrs: Otrs, small_packages: None
) -> None:
    del small_packages
    for key in range(12):
        otrs.attach(key, os.urandom(MEGABYTE), name=f"{key}")
    otrs.attach(12, os.urandom(5 * MEGABYTE), name="large")
    otrs.sql(
        f"insert into {otrs.mails} (id, body) with recursive n(i) as (select 1 union all select i + 1 from n"
        " where i < 2900) select i, x'00' from n"
    )
    otrs.fetch()
    for number in range(3):  # DuckDB tidies up whenever anybody has written
        with closing(duckdb.connect(str(otrs.warehouse))) as db:
            db.execute(f"create table other_{number} as select 1 as one")
            db.execute("checkpoint")

    vectors = query(otrs.warehouse, f"select sum(size), count(size) from {STORE} group by rowid // 2048")
    assert max(size for size, number in vectors if number > 1) <= 2 * MEGABYTE
    groups = query(
        otrs.warehouse,
        f"select sum(count) from pragma_storage_info('{STORE}') where column_name = 'size'"
        " and segment_type = 'BIGINT' group by row_group_id",
    )
    assert {rows for (rows,) in groups} == {122_880}
    assert otrs.warehouse.stat().st_size < 30 * MEGABYTE
    assert len(otrs.current()) == 2913


def test_seventy_thousand_attachments_of_one_article_are_fetched(otrs: Otrs) -> None:
    with closing(sqlite3.connect(otrs.url.removeprefix("sqlite:///"))) as db, db:
        db.executemany(
            f"insert into {otrs.files} (id, article_id, filename, content) values (?, 1, 'x', ?)",
            ((key, b"%d" % key) for key in range(70_000)),
        )
    assert otrs.fetch()[0] == 70_000
    wrong = "select count(*), count(*) filter (where attachment_key != 'otrs:attachment:' || content::varchar)"
    assert query(otrs.warehouse, f"{wrong} from current") == [(70_000, 0)]


def test_what_an_older_version_of_this_tool_held_stays_held(otrs: Otrs) -> None:
    otrs.attach(1, b"one")
    otrs.describe()
    contents.ensure_store(otrs.warehouse)
    with closing(duckdb.connect(str(otrs.warehouse))) as db:
        fingerprint = "md5(concat_ws('|', '1', 'file', '3', '', '', ''))"
        db.execute(
            f"insert into {STORE} select 'otrs:attachment:1', 1, 1, 'file', {fingerprint}, 3, 'hash', 'old'::blob, null"
        )
    otrs.attach(2, b"two")
    assert otrs.fetch() == (1, 3)
    assert otrs.current() == {"otrs:attachment:1": (b"old", None), "otrs:attachment:2": (b"two", None)}


def test_base64_of_postgresql_is_decoded_and_a_raw_mail_with_a_space_is_not(otrs_on_postgresql: Otrs) -> None:
    otrs = otrs_on_postgresql
    binary = bytes(range(256)) * 40
    otrs.attach(1, as_otrs_writes(binary))
    otrs.attach(2, "")
    otrs.attach(3, as_otrs_writes(b"x"))
    otrs.mail(1, as_otrs_writes(b"From: ada@example.com\n\nW\xf6rter"))
    otrs.mail(2, "From: raw@example.com\n\nWörter")
    otrs.mail(3, "")

    assert otrs.fetch()[0] == 6

    assert otrs.current() == {
        "otrs:attachment:1": (binary, None),
        "otrs:attachment:2": (b"", None),
        "otrs:attachment:3": (b"x", None),
        "otrs:article_plain:1": (b"From: ada@example.com\n\nW\xf6rter", None),
        "otrs:article_plain:2": ("From: raw@example.com\n\nWörter".encode(), None),
        "otrs:article_plain:3": (b"", None),
    }


@pytest.mark.parametrize(
    "text", ["what? no base64!", "Wörter", "QUJ", "QUJD=QUJD", "A", "====", "QUJD\0"[:4] + "\\000"]
)
def test_text_that_is_no_base64_is_kept_as_it_is_with_the_reason(otrs_on_postgresql: Otrs, text: str) -> None:
    otrs = otrs_on_postgresql
    otrs.attach(1, text)
    otrs.attach(2, as_otrs_writes(b"sound"))
    for _ in range(2):
        assert otrs.fetch()[0] in {0, 1}
        ((kept, reason), sound) = (otrs.current()[f"otrs:attachment:{key}"] for key in (1, 2))
        assert kept == text.encode()
        assert reason is not None
        assert reason.startswith("its text is no base64, kept as it is: ")
        assert sound == (b"sound", None)


def test_files_on_disk_come_into_the_same_table(otrs: Otrs, tmp_path: Path) -> None:
    otrs.article_dir = tmp_path / "article"
    folder = otrs.article_dir / "2024/01/31/5"
    folder.mkdir(parents=True)
    (folder / "a.pdf").write_bytes(b"%PDF")
    (folder / "a.pdf.content_type").write_text("application/pdf")
    (folder / "old").write_bytes(b"text/plain\nold")
    (folder / "gone.content_type").write_text("text/plain")
    (folder / "plain.txt").write_bytes(b"From: ada@example.com")
    otrs.sql("insert into article_data_mime values (1, 5, '2024/01/31')")
    otrs.attach(1, b"in the database")

    assert otrs.fetch() == (4, 15 + 4 + 3 + 21)

    named = {
        row[0]: row[1:]
        for row in query(otrs.warehouse, "select filename, article_id, content, missing_reason from current")
    }
    assert named == {
        "file": (1, b"in the database", None),
        "a.pdf": (5, b"%PDF", None),
        "old": (5, b"old", None),
        "plain.txt": (5, b"From: ada@example.com", None),
        "gone": (5, None, "only its side files are there"),
    }
    keys = {f"otrs:article_file:5:{hashlib.sha256(name).hexdigest()[:16]}" for name in (b"a.pdf", b"old", b"plain.txt")}
    assert keys < set(otrs.current())
    assert otrs.fetch() == (0, 0)

    (folder / "a.pdf.content_id").write_text("<a@example.com>")
    (folder / "old").write_bytes(b"text/plain\nnew and longer")
    (folder / "gone").write_bytes(b"back")
    (folder / "plain.txt").unlink()
    assert otrs.fetch() == (3, 4 + 14 + 4)
    assert sorted(content or b"" for content, _ in otrs.current().values()) == [
        b"%PDF",
        b"back",
        b"in the database",
        b"new and longer",
    ]


def test_a_file_deleted_between_its_listing_and_its_reading_is_a_row_with_a_reason(otrs: Otrs, tmp_path: Path) -> None:
    otrs.article_dir = tmp_path / "article"
    for article in (5, 6):
        folder = otrs.article_dir / "2024/01/31" / str(article)
        folder.mkdir(parents=True)
        for name in ("a", "b"):
            (folder / name).write_bytes(b"content")
            (folder / f"{name}.content_type").write_text("text/plain")
        otrs.sql("insert into article_data_mime values (?, ?, '2024/01/31')", (article, article))
    otrs.describe()
    (otrs.article_dir / "2024/01/31/5/a").unlink()
    shutil.rmtree(otrs.article_dir / "2024/01/31/6")

    fetched = contents.extract_contents(otrs.address, otrs.warehouse, DATASET, lambda *_: None, otrs.article_dir)

    assert fetched == (1, 7)
    rows = query(
        otrs.warehouse,
        f"select article_id, filename, missing_reason from {STORE} where attachment_key is not null order by all",
    )
    gone = "deleted from disk while it was read"
    assert rows == [(5, "a", gone), (5, "b", None), (6, "a", gone), (6, "b", gone)]


def test_an_extract_that_does_not_fit_on_the_disk_stops_before_it_fetches(
    otrs: Otrs, monkeypatch: pytest.MonkeyPatch
) -> None:
    otrs.attach(1, b"one", size=40_000_000_000)
    free = shutil.disk_usage(otrs.warehouse.parent)._replace(free=30_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(SettingsError, match=r"40\.0 GB for files not yet held.* 30\.0 GB are free.*WAREHOUSE__PATH"):
        otrs.fetch()
    assert query(otrs.warehouse, f"select count(*) from {STORE}") == [(0,)]


def test_the_room_for_an_extract_is_estimated_from_what_the_server_says(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    url = mariadb_server.create_database("room")
    otrs = Otrs(url, tmp_path / "warehouse.duckdb", blob="longblob")
    for key in range(1, 41):
        otrs.attach(key, os.urandom(MEGABYTE), size=0)
    mariadb_server.execute(f"analyze table {otrs.files}", database="room")

    def needed() -> disk.DiskNeed:
        with open_snapshot(otrs.address) as snapshot:
            return disk.disk_needed(snapshot, otrs.warehouse)

    before = needed()
    assert 40 * MEGABYTE <= before.contents < 80 * MEGABYTE
    assert before.total == before.tables + before.contents + before.working
    assert before.is_enough
    otrs.fetch()
    assert needed().contents <= before.contents - 40 * MEGABYTE
    mariadb_server.drop_database("room")


@pytest.mark.lab
def test_contents_of_a_real_postgresql_are_those_that_otrs_itself_reads(
    otrs_lab: Path, load_lab_database: Callable[..., str], tmp_path: Path
) -> None:
    import_json = import_module("json")
    truth = import_json.loads((otrs_lab / "znuny65-postgres-a.truth.json").read_text())["attachments"]["by_article"]
    warehouse = tmp_path / "warehouse.duckdb"
    url = load_lab_database("znuny65-postgres-a")
    otrs = object.__new__(Otrs)
    otrs.url, otrs.warehouse, otrs.tables = url, warehouse, NEW
    otrs.article_dir, otrs.progress = None, []
    assert otrs.fetch()[0] > 0

    held: dict[str, list[tuple[Any, ...]]] = {}
    for article, *file in query(
        warehouse,
        "select article_id, filename, size, sha256 from current where attachment_key like 'otrs:attachment:%'"
        " and sha256(content) = sha256",
    ):
        held.setdefault(str(article), []).append(tuple(file))
    expected = {
        article: sorted(((file["filename"], file["bytes"], file["sha256"]) for file in files), key=repr)
        for article, files in truth.items()
    }
    assert {article: sorted(files, key=repr) for article, files in held.items()} == expected
    mails = query(
        warehouse,
        "select count(*), count(*) filter (where starts_with(content::varchar, 'From') or contains(content::varchar,"
        " 'From:')), count(missing_reason) from current where attachment_key like 'otrs:article_plain:%'",
    )
    assert mails[0][2] == 0
    assert otrs.fetch() == (0, 0)
    assert generations.connect(warehouse).close() is None


def test_memory_follows_the_largest_file_not_their_number(otrs: Otrs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "PACKAGE_BYTES", 20 * MEGABYTE)
    for key in range(60):
        otrs.sql(
            f"insert into {otrs.files} (id, article_id, filename, content_size, content)"
            " values (?, 1, 'x', '1', zeroblob(2097152))",
            (key,),
        )
    otrs.attach(60, bytes(20 * MEGABYTE))
    tracemalloc.start()
    try:
        otrs.fetch()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80 * MEGABYTE
    assert query(otrs.warehouse, "select count(*), sum(size) from current") == [(61, 140 * MEGABYTE)]


@pytest.mark.parametrize("piece", [1, 3, 4, 7, 64])
def test_base64_is_decoded_whole_however_it_is_cut(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "BASE64_PIECE", piece)
    for size in [*range(12), 1000]:
        content = os.urandom(size)
        assert contents._from_base64(as_otrs_writes(content)) == content
    for text in ("QQ==QQ==", "QUJD=QUJD", "Q=UJ", "====", "QUJDR", "QU-D"):
        with pytest.raises(binascii.Error):
            contents._from_base64(text)
