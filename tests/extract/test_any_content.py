"""Whatever stands in the text and blob columns of OTRS arrives unchanged, from both servers that OTRS runs on."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from few_tables import FEW, WITH_CONTENTS, query
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.database_servers import DatabaseServer

from extract.otrs import extract_otrs
from extract.otrs.catalogue import load_catalogue
from extract.otrs.settings import OtrsSettings
from otrs2intercom.sample import write_sample

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
"""What both servers take as text; PostgreSQL knows no NUL in text."""

BYTES = st.binary(max_size=500)

TEXTS_PER_EXTRACT, BLOBS_PER_EXTRACT = 50, 20


class Source:
    """A small sample on a server, whose bodies, raw mails and files can be replaced."""

    def __init__(self, server: DatabaseServer, folder: Path) -> None:
        self.url = server.create_database("any_content")
        write_sample(self.url, tickets=12, seed=3)
        if server.kind == "mariadb":  # OTRS 6 writes three bytes a character at most, Znuny 7 and OTOBO four
            for table in ("ticket", "article_data_mime", "article_data_mime_attachment"):
                server.execute(f"alter table {table} convert to character set utf8mb4", database="any_content")
        self.connection = server.connect("any_content")
        self.is_postgresql = server.kind == "postgresql"
        self.warehouse = folder / "warehouse.duckdb"

    def replace(self, table: str, column: str, values: Sequence[Any]) -> list[int]:
        """Write values into the first rows of a table and return the ids of those rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"select id from {table} order by id limit {len(values)}")
            ids = [row[0] for row in cursor.fetchall()]
            cursor.executemany(f"update {table} set {column} = %s where id = %s", list(zip(values, ids, strict=False)))
        return ids

    def as_stored(self, blob: bytes) -> Any:
        """OTRS writes base64 with line breaks where the server is PostgreSQL."""
        return base64.encodebytes(blob).decode() if self.is_postgresql else blob

    def extract(self) -> None:
        self.warehouse.unlink(missing_ok=True)
        extract_otrs(OtrsSettings(self.url), self.warehouse)

    def arrived(self, table: str, column: str, key: str, ids: list[int]) -> list[Any]:
        listed = ", ".join(str(number) for number in ids)
        found = dict(query(self.warehouse, f"select {key}, {column} from raw_otrs.{table} where {key} in ({listed})"))
        return [found[number] for number in ids]


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def otrs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    wanted = {*FEW, *WITH_CONTENTS, "standard_attachment", "user_preferences"}
    catalogue = load_catalogue()
    few = replace(catalogue, tables=tuple(table for table in catalogue.tables if table.name in wanted))
    source = Source(server, tmp_path_factory.mktemp("any"))
    with closing(source.connection), pytest.MonkeyPatch.context() as patch:
        patch.setattr("extract.otrs.load_catalogue", lambda: few)
        yield source
    server.drop_database("any_content")


@settings(
    deadline=None,
    max_examples=3,
    phases=[Phase.explicit, Phase.generate],  # an extract takes a second: nothing is tried to make it smaller
    suppress_health_check=list(HealthCheck),
)
@given(
    texts=st.lists(TEXT, min_size=TEXTS_PER_EXTRACT, max_size=TEXTS_PER_EXTRACT),
    blobs=st.lists(BYTES, min_size=BLOBS_PER_EXTRACT, max_size=BLOBS_PER_EXTRACT),
)
def test_any_text_and_any_bytes_arrive_unchanged(otrs: Source, texts: list[str], blobs: list[bytes]) -> None:
    bodies = otrs.replace("article_data_mime", "a_body", texts)
    titles = otrs.replace("ticket", "title", texts)
    stored = [otrs.as_stored(blob) for blob in blobs]
    files = otrs.replace("article_data_mime_attachment", "content", stored)
    standard = otrs.replace("standard_attachment", "content", stored)
    otrs.replace("article_data_mime_attachment", "filename", texts[: len(files)])

    otrs.extract()

    assert otrs.arrived("article_data_mime", "a_body", "id", bodies) == texts[: len(bodies)]
    assert otrs.arrived("ticket", "title", "id", titles) == texts[: len(titles)]
    assert otrs.arrived("article_data_mime_attachment", "filename", "id", files) == texts[: len(files)]
    assert otrs.arrived("standard_attachment", "content", "id", standard) == blobs[: len(standard)]
    keys = [f"otrs:attachment:{number}" for number in files]
    held = dict(query(otrs.warehouse, "select attachment_key, content from raw_otrs.attachment_contents"))
    assert [held[key] for key in keys] == blobs[: len(files)]
    assert query(otrs.warehouse, "select * from raw_otrs.rejected") == []
