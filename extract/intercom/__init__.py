"""Reads an Intercom workspace into `raw_intercom`: what is there before a load. `readback` reads what came of it.

How a request is sent (rate, retries, token) is not this package's business: it is given a function that
fetches one path. The fields are those of Intercom REST 2.16; each row keeps the whole answer in `data`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa

from extract import generations

SCHEMA = "raw_intercom"
Fetch = Callable[[str, Mapping[str, str]], Any]
"""Sends `GET path` with a query and returns the decoded answer, or None where there is no such object."""

_STRING, _BOOL = pa.string(), pa.bool_()


@dataclass(frozen=True)
class Reference:
    """One kind of reference data.

    Attributes:
        table: name in `raw_intercom`.
        path: list endpoint.
        query: query of the request.
        items: key of the list in the answer; None when the answer itself is the one row.
        columns: column to its path in an item.
    """

    table: str
    path: str
    query: Mapping[str, str]
    items: str | None
    columns: Mapping[str, tuple[str, ...]]


REFERENCES = (
    Reference(
        "me",
        "/me",
        {},
        None,
        {
            "admin_id": ("id",),
            "email": ("email",),
            "name": ("name",),
            "workspace_id": ("app", "id_code"),
            "workspace_name": ("app", "name"),
            "region": ("app", "region"),
            "timezone": ("app", "timezone"),
        },
    ),
    Reference("admins", "/admins", {}, "admins", {"id": ("id",), "email": ("email",), "name": ("name",)}),
    Reference("teams", "/teams", {}, "teams", {"id": ("id",), "name": ("name",)}),
    Reference("tags", "/tags", {}, "data", {"id": ("id",), "name": ("name",)}),
    Reference(
        "contact_attributes",
        "/data_attributes",
        {"model": "contact"},
        "data",
        {"id": ("id",), "name": ("name",), "model": ("model",), "data_type": ("data_type",)},
    ),
    Reference(
        "company_attributes",
        "/data_attributes",
        {"model": "company"},
        "data",
        {"id": ("id",), "name": ("name",), "model": ("model",), "data_type": ("data_type",)},
    ),
    Reference(
        "conversation_attributes",
        "/conversations/attributes",
        {},
        "data",
        {"id": ("id",), "name": ("name",), "data_type": ("data_type",)},
    ),
    Reference(
        "contacts",
        "/contacts",
        {"per_page": "150"},
        "data",
        {
            "id": ("id",),
            "external_id": ("external_id",),
            "role": ("role",),
            "email": ("email",),
            "name": ("name",),
            "phone": ("phone",),
        },
    ),
    Reference(
        "companies",
        "/companies/scroll",
        {},
        "data",
        {"id": ("id",), "company_id": ("company_id",), "name": ("name",)},
    ),
)


@dataclass(frozen=True)
class IntercomExtract:
    """What an extract did: the generation, rows per table, the workspace's id, and the duration."""

    generation: int
    rows: Mapping[str, int]
    seconds: float


def extract_intercom(
    fetch: Fetch,
    warehouse: Path,
    on_table: Callable[[str, int], None] = lambda _table, _rows: None,
    *,
    loads: Sequence[datetime] = (),
) -> IntercomExtract:
    """Read the workspace's reference data, contacts and companies into a new generation.

    Args:
        fetch: sends one GET.
        warehouse: the DuckDB file.
        on_table: called with table and rows so far.
        loads: when loads into this workspace began, naive UTC. What was the newest generation then is kept: it holds
            the values that a rollback gives back.
    """
    started_at = datetime.now(UTC).replace(tzinfo=None)
    generation = generations.start(warehouse, SCHEMA)
    rows: dict[str, int] = {}
    with generations.pipeline(warehouse, generation.dataset) as pipeline:
        resources = [
            dlt.resource(_reference(fetch, reference, rows, on_table), name=reference.table) for reference in REFERENCES
        ]
        pipeline.run(resources, loader_file_format="parquet", write_disposition="append")
    views = {table.table: f"select * from {generation.dataset}.{table.table}" for table in REFERENCES}
    keep = _needed(generation, loads)
    generations.publish(generation, views, started_at, sum(rows.values()), keep=keep)
    seconds = (datetime.now(UTC).replace(tzinfo=None) - started_at).total_seconds()
    return IntercomExtract(generation.number, rows, seconds)


def _needed(generation: generations.Generation, loads: Sequence[datetime]) -> set[int]:
    """Old generations that a rollback may ask for: those that were the newest when a load began.

    Those of another workspace all stay until that one is read again: its loads are in a ledger of its own.
    """
    with generations.connect(generation.warehouse) as db:
        old = generations.published(db, SCHEMA)
        workspaces = {number: _workspace(db, f"{SCHEMA}_{number}") for number, _ in old}
        present = _workspace(db, generation.dataset)
    ours = [(number, at) for number, at in old if workspaces[number] in {present, None}]
    newest = {max((number for number, at in ours if at <= began), default=0) for began in loads}
    return newest | {number for number, workspace in workspaces.items() if workspace not in {present, None}}


def _workspace(db: duckdb.DuckDBPyConnection, schema: str) -> str | None:
    row = db.execute(f"select workspace_id from {schema}.me").fetchone()
    return None if row is None or row[0] is None else str(row[0])


def _reference(
    fetch: Fetch, reference: Reference, rows: dict[str, int], on_table: Callable[[str, int], None]
) -> Iterator[pa.Table]:
    rows[reference.table] = 0
    yield _reference_table([], reference)
    for items in pages(fetch, reference):
        rows[reference.table] += len(items)
        on_table(reference.table, rows[reference.table])
        if items:
            yield _reference_table(items, reference)


def pages(fetch: Fetch, reference: Reference) -> Iterator[list[Any]]:
    """Yield the items of a list page by page; an answer that is the one row is a page of one."""
    query = dict(reference.query)
    while True:
        answer = fetch(reference.path, query) or {}
        if reference.items is None:
            yield [answer]
            return
        items = answer.get(reference.items) or []
        yield items
        if scroll := answer.get("scroll_param"):
            if not items:
                return
            query = {**reference.query, "scroll_param": scroll}
            continue
        following = (answer.get("pages") or {}).get("next") or {}
        after = following.get("starting_after") if isinstance(following, dict) else None
        if not after:
            return
        query = {**reference.query, "starting_after": str(after)}


def _reference_table(items: Sequence[Mapping[str, Any]], reference: Reference) -> pa.Table:
    columns = {
        name: pa.array([_text(_dig(item, path)) for item in items], _STRING) for name, path in reference.columns.items()
    }
    columns["archived"] = pa.array([bool(item.get("archived")) for item in items], _BOOL)
    columns["data"] = pa.array([json.dumps(item, ensure_ascii=False) for item in items], _STRING)
    return pa.table(columns)


def _dig(item: Any, path: Iterable[str]) -> Any:
    for key in path:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
