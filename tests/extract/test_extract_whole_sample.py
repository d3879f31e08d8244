"""The whole sample from SQLite and from MariaDB: everything arrives, the same from both, and no secret."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from support.database_servers import DatabaseServer

from extract.otrs import OtrsExtract, extract_otrs
from extract.otrs.catalogue import load_catalogue
from extract.otrs.settings import OtrsSettings
from otrs2intercom.sample import write_sample

# One worker holds the server and both extracts.

ENGINES = ["sqlite", "mariadb"]
SECRET = "never to be read"


@dataclass(frozen=True)
class Extracted:
    url: str
    warehouse: Path
    result: OtrsExtract

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as db:
            return db.execute(sql).fetchall()

    def source(self, sql: str) -> list[tuple[Any, ...]]:
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.exec_driver_sql(sql)]
        engine.dispose()
        return rows


def add_what_the_sample_lacks(url: str) -> None:
    """Secrets, a table that nobody knows, and a column that only this installation has."""
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    metadata.reflect(engine, only=["user_preferences", "customer_preferences", "sysconfig_default"])
    with engine.begin() as connection:
        for number, (table, owner) in enumerate([("user_preferences", 2), ("customer_preferences", "jo")]):
            for key in ("UserLastPw", "UserGoogleAuthenticatorSecretKey", "UserTheme"):
                value: Any = SECRET if key != "UserTheme" else "Slim"
                value = value.encode() if number == 0 else value
                connection.execute(
                    metadata.tables[table].insert(),
                    {"user_id": owner, "preferences_key": key, "preferences_value": value},
                )
        setting = dict(connection.execute(metadata.tables["sysconfig_default"].select()).mappings().first() or {})
        for number, name in enumerate(["SendmailModule::AuthPassword", "SecretKey", "AuthModule::DB::Pw"]):
            changed = {"id": 90_000 + number, "name": name, "effective_value": SECRET.encode()}
            connection.execute(metadata.tables["sysconfig_default"].insert(), {**setting, **changed})
        connection.exec_driver_sql("create table our_own_addition (id integer)")
        connection.exec_driver_sql("insert into our_own_addition values (1), (2)")
        connection.exec_driver_sql("create table our_empty_addition (id integer)")
        connection.exec_driver_sql("alter table ticket add column our_column varchar(20)")
        connection.exec_driver_sql("update ticket set our_column = 'ours'")
    engine.dispose()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, mariadb_server: DatabaseServer) -> Iterator[dict[str, Extracted]]:
    """The same sample in both engines, extracted from each."""
    folder = tmp_path_factory.mktemp("whole")
    urls = {
        "sqlite": f"sqlite:///{folder / 'otrs.sqlite'}",
        "mariadb": mariadb_server.create_database("whole_sample"),
    }
    extracted = {}
    for engine, url in urls.items():
        write_sample(url, tickets=60, seed=5)
        add_what_the_sample_lacks(url)
        warehouse = folder / f"{engine}.duckdb"
        extracted[engine] = Extracted(url, warehouse, extract_otrs(OtrsSettings(url), warehouse))
    yield extracted
    mariadb_server.drop_database("whole_sample")


@pytest.fixture(params=ENGINES)
def extracted(request: pytest.FixtureRequest, both: dict[str, Extracted]) -> Extracted:
    return both[request.param]


def test_every_table_has_as_many_rows_as_the_source_counts(extracted: Extracted) -> None:
    physical = {read.canonical_name: read.table_name for read in extracted.result.tables if read.canonical_name}
    counts = " union all ".join(f"select '{name}', count(*) from raw_otrs.{name}" for name in physical)
    for name, number in extracted.query(counts):
        quote = "`" if extracted.url.startswith("mysql") else '"'
        assert extracted.source(f"select count(*) from {quote}{physical[name]}{quote}") == [(number,)], name
    assert len(physical) > 60


def test_a_table_that_this_version_lacks_is_there_with_its_columns_and_empty(extracted: Extracted) -> None:
    read = {read.canonical_name for read in extracted.result.tables}
    lacking = [table for table in load_catalogue().tables if table.name not in read]
    assert lacking
    for table in lacking:
        described = [row[0] for row in extracted.query(f"describe raw_otrs.{table.name}")]
        assert set(described) == {column.name for column in table.read_columns}
        assert extracted.query(f"select count(*) from raw_otrs.{table.name}") == [(0,)]


def test_every_table_of_the_source_is_listed_with_what_became_of_it(extracted: Extracted) -> None:
    engine = sa.create_engine(extracted.url)
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    listed = {row[0]: row[1:] for row in extracted.query(
        "select table_name, canonical_name, row_count, is_read, customer_data, reason from raw_otrs.source_tables"
    )}  # fmt: skip
    assert set(listed) == names
    assert listed["our_own_addition"] == (None, 2, False, None, "unknown to this tool: a person decides")
    assert listed["our_empty_addition"][1] == 0
    assert listed["ticket"] == ("ticket", 60, True, True, "")


def test_a_column_that_only_this_installation_has_is_read(extracted: Extracted) -> None:
    assert extracted.query("select distinct our_column from raw_otrs.ticket") == [("ours",)]


def test_the_profile_says_what_was_read_from_what(extracted: Extracted) -> None:
    [(generation, engine, product, version, zone, is_now)] = extracted.query(
        "select generation, engine, product, version, time_zone,"
        " snapshot_at between now()::timestamp - interval 1 day and now()::timestamp + interval 1 day"
        " from raw_otrs.source_profile"
    )
    dialect = "mysql" if extracted.url.startswith("mysql") else "sqlite"
    assert (generation, engine, product, version, zone, is_now) == (1, dialect, "OTRS", "6.0", "UTC", True)
    assert extracted.query("from raw_otrs.rejected") == []


def test_files_are_the_bytes_of_the_source(extracted: Extracted) -> None:
    held = {
        row[0]: row[1:]
        for row in extracted.query(
            "select attachment_key, article_id, filename, size, sha256, content, missing_reason"
            " from raw_otrs.attachment_contents"
        )
    }
    files = extracted.source("select id, article_id, filename, content from article_data_mime_attachment")
    mails = extracted.source("select id, article_id, null, body from article_data_mime_plain")
    stored = [("attachment", *row) for row in files] + [("article_plain", *row) for row in mails]
    assert len(held) == len(stored) == extracted.result.files > 300
    for kind, key, article_id, filename, content in stored:
        data = bytes(content or b"")
        name = filename if kind == "attachment" else held[f"otrs:article_plain:{key}"][1]
        expected = (article_id, name, len(data), hashlib.sha256(data).hexdigest(), data, None)
        assert held[f"otrs:{kind}:{key}"] == expected
    assert extracted.result.file_bytes == sum(len(bytes(row[4] or b"")) for row in stored)


def test_no_password_arrives(extracted: Extracted) -> None:
    columns = extracted.query("select table_name from information_schema.columns where lower(column_name) = 'pw'")
    assert columns == []
    for table in ("user_preferences", "customer_preferences"):
        values = dict(
            extracted.query(
                f"select preferences_key, preferences_value from raw_otrs.{table}"
                " where preferences_key in ('UserLastPw', 'UserGoogleAuthenticatorSecretKey', 'UserTheme')"
            )
        )
        assert values == {"UserLastPw": None, "UserGoogleAuthenticatorSecretKey": None, "UserTheme": "Slim"}
    settings = extracted.query(
        "select id, effective_value from raw_otrs.sysconfig_default where id >= 90000 order by 1"
    )
    assert settings == [(90_000, None), (90_001, None), (90_002, None)]
    assert SECRET.encode() not in extracted.warehouse.read_bytes()


def test_both_engines_give_the_same_rows(both: dict[str, Extracted]) -> None:
    with closing(duckdb.connect()) as db:
        for engine, extracted in both.items():
            db.execute(f"attach '{extracted.warehouse}' as {engine} (read_only)")
        for table in [*(table.name for table in load_catalogue().tables), "attachment_contents", "rejected"]:
            columns, others = (
                {row[0]: row[1] for row in db.execute(f"describe {engine}.raw_otrs.{table}").fetchall()}
                for engine in ENGINES
            )
            assert columns == others, table
            listed = ", ".join(f'"{column}"' for column in sorted(columns))
            for one, other in (ENGINES, reversed(ENGINES)):
                difference = db.execute(
                    f"select {listed} from {one}.raw_otrs.{table}"
                    f" except all select {listed} from {other}.raw_otrs.{table} limit 3"
                ).fetchall()
                assert difference == [], f"{table}: in {one}, not in {other}"
