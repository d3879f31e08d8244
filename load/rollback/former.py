"""What the warehouse knows of other times and places: what contacts and companies were before a load, other workspaces.

`extract_log.raw_intercom_generations` lists the extracts; `raw_intercom_<n>.me` names the workspace of each, and
`contacts` and `companies` hold each object's whole answer in `data`. `raw_ledger.loads` names each workspace that was
loaded from this warehouse.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

TABLES = {"contact.upsert": "contacts", "company.upsert": "companies"}


@dataclass(frozen=True)
class Extract:
    """A kept extract.

    Attributes:
        schema: its own schema in the warehouse.
        started_at: Unix seconds.
        published_at: Unix seconds.
    """

    schema: str
    started_at: float
    published_at: float


def extracts(db: duckdb.DuckDBPyConnection, workspace_id: str) -> list[Extract]:
    """The kept extracts of a workspace, oldest first."""
    schemas = {
        name
        for (name,) in db.execute(
            "select table_schema from information_schema.tables where table_catalog = current_database()"
            " and table_name = 'me' and table_schema like 'raw_intercom_%'"
        ).fetchall()
    }
    if not schemas:
        return []
    rows = db.execute(
        "select 'raw_intercom_' || generation, started_at, published_at from extract_log.raw_intercom_generations"
        " order by generation"
    ).fetchall()
    found = [Extract(schema, _seconds(began), _seconds(ended)) for schema, began, ended in rows if schema in schemas]
    return [extract for extract in found if _workspace(db, extract.schema) == workspace_id]


def other_workspaces(db: duckdb.DuckDBPyConnection, workspace_id: str) -> list[str]:
    """The workspaces beside this one that the warehouse was loaded into."""
    known = db.execute(
        "select 1 from information_schema.tables where table_catalog = current_database()"
        " and table_schema = 'raw_ledger' and table_name = 'loads'"
    ).fetchone()
    if known is None:
        return []
    query = "select workspace_id from raw_ledger.loads where workspace_id != ? order by 1"
    return [name for (name,) in db.execute(query, [workspace_id]).fetchall()]


def _workspace(db: duckdb.DuckDBPyConnection, schema: str) -> str | None:
    row = db.execute(f"select workspace_id from {schema}.me").fetchone()
    return None if row is None else row[0]


def _seconds(at: datetime) -> float:
    return at.replace(tzinfo=UTC).timestamp()


def newest_before(known: Sequence[Extract], spans: Iterable[tuple[float, float]]) -> Extract | None:
    """The newest extract that was made wholly in one of these spans, when nothing of ours was there."""
    fitting = [e for e in known if any(since <= e.started_at and e.published_at <= until for since, until in spans)]
    return fitting[-1] if fitting else None


def former_objects(
    db: duckdb.DuckDBPyConnection, wanted: Iterable[tuple[str, str, Extract | None]]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Objects as extracts hold them, by kind and id.

    Args:
        db: the warehouse.
        wanted: kind of the request, Intercom's id, and the extract to look in.
    """
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, intercom_id, extract in wanted:
        if extract is not None:
            ids[extract.schema, kind].append(intercom_id)
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for (schema, kind), some in ids.items():
        query = f"select id, data from {schema}.{TABLES[kind]} where id in (select unnest(?))"
        for intercom_id, data in db.execute(query, [some]).fetchall():
            found[kind, intercom_id] = json.loads(data)
    return found
