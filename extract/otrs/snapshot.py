"""One connection, one read-only transaction: every table as it was at the same moment.

Several streaming cursors on one MySQL connection lose rows with no more than a warning, and dlt's
`sql_database` opens a connection per table. So a snapshot holds one DBAPI connection and one cursor at a
time, and the caller reads table after table.
"""

import codecs
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pymysql.cursors
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from extract.errors import SourceError
from extract.otrs.mysql_rows import give_bytes


@dataclass(frozen=True)
class SourceColumn:
    """A column as the source's engine describes it."""

    name: str
    type: sa.types.TypeEngine[Any]


class Throttle:
    """Lets through a number of rows per second on average, so that OTRS stays usable while it is read.

    Args:
        rows_per_second: None is no limit.
        clock: seconds that only grow.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        rows_per_second: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rows_per_second
        self._clock = clock
        self._sleep = sleep
        self._due = 0.0

    def take(self, rows: int) -> None:
        """Wait until these rows fit. Time in which nothing was read is not made up for."""
        if not self._rate:
            return
        now = self._clock()
        self._due = max(self._due, now) + rows / self._rate
        if self._due > now:
            self._sleep(self._due - now)


@dataclass(frozen=True)
class Snapshot:
    """A read-only repeatable-read transaction on the OTRS database.

    Attributes:
        dialect: `mysql`, `postgresql` or `sqlite`.
        engine_version: as the server reports it.
        taken_at: moment of the snapshot, naive UTC.
        tables: every table of the database with its columns in order.
        connection: the DBAPI connection that holds the transaction.
        throttle: holds the number of rows per second down.
    """

    dialect: str
    engine_version: str
    taken_at: datetime
    tables: dict[str, tuple[SourceColumn, ...]]
    connection: Any
    throttle: Throttle = field(default_factory=lambda: Throttle(None))

    def quoted(self, name: str) -> str:
        """Quote a name for this engine."""
        mark = "`" if self.dialect == "mysql" else '"'
        return mark + name.replace(mark, mark * 2) + mark

    def count(self, table: str) -> int:
        """Count a table's rows within the snapshot."""
        return int(self.scalar(f"select count(*) from {self.quoted(table)}"))

    def sizes(self) -> dict[str, int]:
        """Return the bytes each table takes on the server, as far as the engine says so (an estimate)."""
        sql = {
            "mysql": "select table_name, data_length from information_schema.tables where table_schema = database()",
            "postgresql": "select relname, pg_table_size(oid) from pg_class where relkind in ('r', 'p')"
            " and pg_table_is_visible(oid)",
        }.get(self.dialect)
        return {str(name): int(size) for name, size in self.rows(sql) if size is not None} if sql else {}

    def scalar(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first value of the first row, or None.

        Raises:
            SourceError: the source failed.
        """
        with _reading(), closing(self.connection.cursor()) as cursor:
            self._execute(cursor, sql, parameters)
            row = cursor.fetchone()
        return row[0] if row else None

    def rows(
        self, sql: str, parameters: Sequence[Any] = (), *, at_once: int = 100, as_bytes: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """Stream rows of a query; the server keeps what is not yet fetched.

        Only one of these may be open at a time. Warnings of the driver are errors: a lost row begins
        as a warning.

        Args:
            sql: the query, with `?` for parameters.
            parameters: their values.
            at_once: rows in memory; 1 where a row holds a whole file.
            as_bytes: where the driver is slow at it (MySQL), leave values as the bytes that the server sent.

        Raises:
            SourceError: the source failed.
        """
        with _reading():
            cursor = self._streaming_cursor()
        try:
            with _reading():
                self._execute(cursor, sql, parameters)
                if as_bytes and self.dialect == "mysql":
                    give_bytes(cursor)
                rows = cursor.fetchmany(at_once)
            while rows:
                self.throttle.take(len(rows))
                yield from rows
                with _reading():
                    rows = cursor.fetchmany(at_once)
        finally:
            with _reading():
                cursor.close()

    def _execute(self, cursor: Any, sql: str, parameters: Sequence[Any]) -> None:
        if not parameters:
            cursor.execute(sql)
        else:
            cursor.execute(sql if self.dialect == "sqlite" else sql.replace("?", "%s"), tuple(parameters))

    def _streaming_cursor(self) -> Any:
        if self.dialect == "mysql":
            return self.connection.cursor(pymysql.cursors.SSCursor)
        if self.dialect == "postgresql":
            return self.connection.cursor(name="otrs2intercom")
        return self.connection.cursor()


_FAILURES = (sqlite3.Error, pymysql.Error, psycopg.Error, OSError, Warning)


@contextmanager
def _reading() -> Iterator[None]:
    """Make the drivers' errors and warnings ours; only while a driver works, since filters are global."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except _FAILURES as error:
        raise SourceError(
            f"The source failed while it was read: {type(error).__name__}: {error}. Nothing was changed in the "
            "warehouse. Check the server and the account's right to SELECT, then run the extract again."
        ) from error


_BEGIN = {
    "mysql": (
        "set session transaction isolation level repeatable read",
        "set session transaction read only",
        "set session net_write_timeout = 3600",
        "start transaction with consistent snapshot, read only",
    ),
    "postgresql": ("set transaction isolation level repeatable read, read only",),
    "sqlite": ("pragma query_only = on", "begin"),
}


@contextmanager
def open_snapshot(url: URL, *, describe: bool = True, throttle: Throttle | None = None) -> Iterator[Snapshot]:
    """Open the source and take a snapshot.

    Args:
        url: SQLAlchemy URL; TLS options in its query are honoured by the driver.
        describe: list the tables and columns; False leaves `tables` empty and saves the time.
        throttle: holds the number of rows per second down.

    Raises:
        SourceError: the source does not answer, refuses the account, or holds no table.
    """
    place = url.render_as_string(hide_password=True)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, **_options(url))
    try:
        if url.get_backend_name() == "sqlite":
            _require_sqlite_file(url)
        with engine.connect() as alchemy:
            tables = _describe(alchemy) if describe else {}
            if describe and not tables:
                raise SourceError(f"{place} holds no table. Is it the database of OTRS?")
            version = ".".join(str(part) for part in alchemy.dialect.server_version_info or ())
            raw = alchemy.connection.dbapi_connection
            alchemy.rollback()
            begin(raw, engine.dialect.name)
            yield Snapshot(
                dialect=engine.dialect.name,
                engine_version=_full_version(raw, engine.dialect.name) or version,
                taken_at=datetime.now(UTC).replace(tzinfo=None),
                tables=tables,
                connection=raw,
                throttle=throttle or Throttle(None),
            )
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error)
        raise SourceError(
            f"Cannot read {place}: {cause}. Check host, port, account and database in OTRS__CREDENTIALS."
        ) from error
    finally:
        engine.dispose()


LENIENT_UTF8 = "otrs2intercom_utf8"
"""UTF-8 in which a wrong byte becomes a lone surrogate, to be reported with its row, instead of an error."""


def _lenient_utf8(name: str) -> codecs.CodecInfo | None:
    if name != LENIENT_UTF8:
        return None
    return codecs.CodecInfo(
        encode=lambda text, errors="strict": codecs.utf_8_encode(text, errors),
        decode=lambda data, _errors="strict": codecs.utf_8_decode(data, "surrogateescape", True),
        name=LENIENT_UTF8,
    )


codecs.register(_lenient_utf8)


def begin(connection: Any, dialect: str) -> None:
    """Start the read-only transaction of the snapshot on a DBAPI connection."""
    if dialect == "sqlite":
        connection.isolation_level = None
        connection.text_factory = _text_of_sqlite
    if dialect == "mysql":  # a table of former times may hold what is no UTF-8; the driver would end the query
        connection.encoding = LENIENT_UTF8
    cursor = connection.cursor()
    for statement in _BEGIN[dialect]:
        cursor.execute(statement)
    if dialect != "mysql":  # the others take their snapshot at the first read
        cursor.execute("select 1 from sqlite_master" if dialect == "sqlite" else "select 1")
        cursor.fetchone()
    cursor.close()


def _text_of_sqlite(value: bytes) -> str | bytes:
    """Decode a text; one that is no UTF-8 stays bytes, instead of ending the query."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "mysql" and "charset" not in url.query:
        return {"connect_args": {"charset": "utf8mb4"}}
    return {}


def _require_sqlite_file(url: URL) -> None:
    if not url.database or not Path(url.database).is_file():
        raise SourceError(
            f"The SQLite file {url.database!r} of OTRS__CREDENTIALS does not exist. `otrs2intercom sample` writes one."
        )


def _describe(connection: sa.Connection) -> dict[str, tuple[SourceColumn, ...]]:
    described = sa.inspect(connection).get_multi_columns()
    return {
        name: tuple(SourceColumn(column["name"], column["type"]) for column in columns)
        for (_, name), columns in sorted(described.items(), key=lambda item: item[0][1])
    }


def _full_version(connection: Any, dialect: str) -> str:
    sql = {
        "mysql": "select version()",
        "postgresql": "show server_version",
        "sqlite": "select sqlite_version()",
    }
    cursor = connection.cursor()
    cursor.execute(sql[dialect])
    row = cursor.fetchone()
    cursor.close()
    return str(row[0])
