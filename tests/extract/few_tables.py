"""A catalogue that is quick to read, and a look at what came of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from extract.otrs import OtrsExtract
from extract.otrs.catalogue import Catalogue, load_catalogue

Extract = Callable[..., OtrsExtract]
"""The type of the fixture `extract`."""

FEW = ("users", "queue", "ticket", "article", "article_data_mime", "article_data_mime_attachment")

WITH_CONTENTS = ("article_data_mime_plain", "article_attachment", "article_plain")
"""Further tables whose bytes are fetched: none of their rows is in the way of a test."""


def few_tables() -> Catalogue:
    """A few tables of the catalogue: what happens to all tables of a run happens to them, in a second."""
    catalogue = load_catalogue()
    return replace(catalogue, tables=tuple(table for table in catalogue.tables if table.name in {*FEW, *WITH_CONTENTS}))


def query(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a warehouse as an analyst would."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return db.execute(sql).fetchall()
