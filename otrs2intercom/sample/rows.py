"""Writes rows in batches, in the form in which each engine's OTRS driver stores them.

Batches go past SQLAlchemy's per-row processing, which would take longer than making the rows. So times are
text in the form that all three engines read, and blobs are turned into text for PostgreSQL here.
"""

import base64
from collections import Counter
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Table

from otrs2intercom.sample.schema import EncodedBlob, TextBlob, metadata

Row = tuple[object, ...]
_BATCH_ROWS: Final = 20_000
_BATCH_BYTES: Final = 16 * 1024 * 1024


class RowWriter:
    """Collects rows per table and inserts them when enough have come together."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[str, list[Row]] = {name: [] for name in metadata.tables}
        self._pending_rows = 0
        self._pending_bytes = 0
        self._statements = {name: _insert_statement(table, connection) for name, table in metadata.tables.items()}
        self._conversions = {name: _conversions(table, connection) for name, table in metadata.tables.items()}
        self._last_ids: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def next_id(self, table: str, step: int = 1) -> int:
        """Take the next id of a table; a `step` above 1 leaves a gap, as deleted rows do."""
        self._last_ids[table] += step
        return self._last_ids[table]

    def add(self, table: str, *values: object, size: int = 0) -> None:
        """Add one row, values in the order of the table's columns; `size` in bytes of its blobs."""
        self._rows[table].append(values)
        self._pending_rows += 1
        self._pending_bytes += size

    def flush_if_full(self) -> None:
        """Insert what has come together, if it is enough for a batch."""
        if self._pending_rows >= _BATCH_ROWS or self._pending_bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Insert what has come together and commit."""
        for name, rows in self._rows.items():
            if rows:
                converted = rows
                for position, convert in self._conversions[name]:
                    converted = [(*row[:position], convert(row[position]), *row[position + 1 :]) for row in converted]
                self._connection.exec_driver_sql(self._statements[name], converted)
                self.counts[name] += len(rows)
                self._rows[name] = []
        self._connection.commit()
        self._pending_rows = self._pending_bytes = 0


def _insert_statement(table: Table, connection: Connection) -> str:
    return str(table.insert().compile(dialect=connection.dialect))


def _conversions(table: Table, connection: Connection) -> list[tuple[int, Callable[[object], object]]]:
    if connection.dialect.name != "postgresql":
        return []
    converters: list[tuple[int, Callable[[object], object]]] = []
    for position, column in enumerate(table.columns):
        if table.name == "article_data_mime_plain" and column.name == "body":
            converters.append((position, _plain_mail))
        elif isinstance(column.type, EncodedBlob):
            converters.append((position, _base64))
        elif isinstance(column.type, TextBlob):
            converters.append((position, _text))
    return converters


def _base64(value: object) -> object:
    return base64.encodebytes(value).decode() if isinstance(value, bytes) else value


def _text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def _plain_mail(value: object) -> object:
    """OTRS reads a value with a space as the mail itself. Imported mails look so: here, every tenth or so."""
    if isinstance(value, bytes) and len(value) % 10 == 0 and value.isascii():
        return value.decode()
    return _base64(value)
