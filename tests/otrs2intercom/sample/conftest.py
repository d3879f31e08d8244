import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine
from support.database_servers import DatabaseServer

Rows = dict[str, list[dict[str, object]]]

ENCODED = {
    ("article_data_mime_attachment", "content"),
    ("article_data_mime_plain", "body"),
    ("standard_attachment", "content"),
    ("virtual_fs_db", "content"),
    ("package_repository", "content"),
}


ENGINES = [
    "sqlite",
    pytest.param("mariadb"),
    pytest.param("postgresql"),
]


@pytest.fixture(params=ENGINES)
def sample_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each engine at hand."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sample.db'}"
        return
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    yield server.create_database("sample")
    server.drop_database("sample")


@pytest.fixture(scope="session")
def read_rows() -> Callable[[str], Rows]:
    """Reads all tables, with what differs between engines by design made equal."""
    return _read_rows


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[str], str]:
    """A digest over all rows of a database."""

    def digest(url: str) -> str:
        total = hashlib.sha256()
        for table, rows in sorted(_read_rows(url).items()):
            for text in sorted(repr(sorted(row.items())) for row in rows):
                total.update(f"{table}{text}".encode())
        return total.hexdigest()

    return digest


def _read_rows(url: str) -> Rows:
    engine = create_engine(url)
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        rows = {
            table.name: [
                {name: _even(table.name, name, value) for name, value in row.items()}
                for row in connection.execute(table.select()).mappings()
            ]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return rows


def _even(table: str, column: str, value: object) -> object:
    if (table, column) in ENCODED and isinstance(value, str):
        # the plain mail that holds a space is stored as it is, everything else as base64
        return value.encode() if " " in value else base64.b64decode(value)
    if isinstance(value, bytes) and (table, column) not in ENCODED:
        return value.decode()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value
