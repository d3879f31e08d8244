"""All tables of a raw schema change together.

dlt's own replace modes are atomic for a table, not for a set of tables. So each extract loads into a
generation schema of its own (`raw_otrs_7`), and one transaction at the very end points the views of
`raw_otrs` at it. A run that dies leaves a schema nobody reads; the next run drops it.
"""

import shutil
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.pipeline.exceptions import PipelineStepFailed

from extract.errors import ExtractError

MEMORY = 600 * 1024 * 1024
"""Bytes that DuckDB may use while rows are loaded; left alone it takes most of the machine, and gives nothing back."""

VECTOR_ROWS = 2_048
"""Rows that DuckDB handles at once: their values must fit into memory together, whatever the limit."""

KEPT_GENERATIONS = 2
"""The published one and the one before it, whose difference forecasts a delta."""


@dataclass(frozen=True)
class Generation:
    """One extract's own schema.

    Attributes:
        warehouse: the DuckDB file.
        schema: the schema of views that everybody reads, e.g. `raw_otrs`.
        number: counts from 1.
    """

    warehouse: Path
    schema: str
    number: int

    @property
    def dataset(self) -> str:
        """The generation's own schema, e.g. `raw_otrs_7`."""
        return f"{self.schema}_{self.number}"


def connect(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing.

    Raises:
        duckdb.IOException: another process holds the file; DuckDB's message names it and its pid.
    """
    return duckdb.connect(str(warehouse))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _log_table(schema: str) -> str:
    return f"extract_log.{schema}_generations"


def start(warehouse: Path, schema: str) -> Generation:
    """Choose the next generation and drop what a run that died has left."""
    with connect(warehouse) as db:
        db.execute("create schema if not exists extract_log")
        db.execute(
            f"create table if not exists {_log_table(schema)}"
            " (generation bigint, started_at timestamp, published_at timestamp, row_count bigint)"
        )
        row = db.execute(f"select coalesce(max(generation), 0) from {_log_table(schema)}").fetchone()
        last = int(row[0]) if row else 0
        for number in _existing(db, schema):
            if number > last:
                db.execute(f"drop schema {_quoted(f'{schema}_{number}')} cascade")
    return Generation(warehouse, schema, last + 1)


def unfinished(warehouse: Path, schema: str) -> Generation | None:
    """Return the generation that a run which died has left, for who can go on with it; None when there is none."""
    with connect(warehouse) as db:
        known = db.execute(
            "select 1 from information_schema.tables where table_catalog = current_database()"
            " and table_schema = 'extract_log' and table_name = ?",
            [f"{schema}_generations"],
        ).fetchone()
        row = db.execute(f"select max(generation) from {_log_table(schema)}").fetchone() if known else None
        last = int(row[0]) if row and row[0] is not None else 0
        left = [number for number in _existing(db, schema) if number > last]
    return Generation(warehouse, schema, left[-1]) if left else None


def _existing(db: duckdb.DuckDBPyConnection, schema: str) -> list[int]:
    names = db.execute(
        "select schema_name from duckdb_schemas() where database_name = current_database()"
        " and regexp_full_match(schema_name, ? || '_[0-9]+')",
        [schema],
    ).fetchall()
    return sorted(int(name.rsplit("_", 1)[1]) for (name,) in names)


def publish(
    generation: Generation,
    views: Mapping[str, str],
    started_at: datetime,
    row_count: int,
    *,
    into: str | None = None,
    keep: Collection[int] = (),
) -> None:
    """Point the views at the generation, record it and drop the old ones, in one transaction.

    Args:
        generation: the loaded generation.
        views: view name to its select statement.
        started_at: when the extract began, naive UTC.
        row_count: rows of all tables together.
        into: schema of the views, when it is not the one the generations are named after.
        keep: numbers of old generations that are not dropped.
    """
    target = into or generation.schema
    schema = _quoted(target)
    with connect(generation.warehouse) as db:
        db.execute("begin")
        db.execute(f"create schema if not exists {schema}")
        objects = db.execute(
            "select table_name, table_type from information_schema.tables where table_schema = ?"
            " and table_catalog = current_database()",
            [target],
        ).fetchall()
        for name, kind in objects:
            if kind != "VIEW" and name in views:  # the empty stand-in of a warehouse never extracted to
                db.execute(f"drop table {schema}.{_quoted(name)}")
            elif kind == "VIEW" and _is_ours(db, target, name, generation.schema) and name not in views:
                db.execute(f"drop view {schema}.{_quoted(name)}")
        for name, select in views.items():
            db.execute(f"create or replace view {schema}.{_quoted(name)} as {select}")
            db.execute(f"comment on view {schema}.{_quoted(name)} is 'generation of {generation.schema}'")
        db.execute(
            f"insert into {_log_table(generation.schema)} values (?, ?, ?, ?)",
            [generation.number, started_at, _now(), row_count],
        )
        for number in _existing(db, generation.schema):
            if number <= generation.number - KEPT_GENERATIONS and number not in keep:
                db.execute(f"drop schema {_quoted(f'{generation.schema}_{number}')} cascade")
        db.execute("commit")


def published(db: duckdb.DuckDBPyConnection, schema: str) -> list[tuple[int, datetime]]:
    """Generations that are still there, oldest first, each with the naive UTC time of its publication."""
    there = set(_existing(db, schema))
    rows = db.execute(f"select generation, published_at from {_log_table(schema)} order by generation").fetchall()
    return [(int(number), at) for number, at in rows if number in there]


def count_changes(generation: Generation, keys: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Count the rows that came and went since the previous generation, into its table `row_changes`.

    Args:
        generation: the loaded generation.
        keys: table name to the columns that identify a row.

    Returns:
        table name to rows added and rows deleted; only tables in which there are any.
    """
    changes: dict[str, tuple[int, int]] = {}
    with connect(generation.warehouse) as db:
        db.execute(f"set memory_limit = '{MEMORY}B'")
        place = _quoted(generation.dataset)
        db.execute(
            f"create or replace table {place}.row_changes (table_name varchar, rows_added bigint, rows_deleted bigint)"
        )
        before = f"{generation.schema}_{generation.number - 1}"
        if generation.number - 1 not in _existing(db, generation.schema):
            return {}
        for table, key in keys.items():
            old, new = f"{_quoted(before)}.{_quoted(table)}", f"{place}.{_quoted(table)}"
            same = " and ".join(f"a.{_quoted(name)} is not distinct from b.{_quoted(name)}" for name in key)
            row = db.execute(
                f"select (select count(*) from {new} as a anti join {old} as b on {same}),"
                f" (select count(*) from {old} as a anti join {new} as b on {same})"
            ).fetchone()
            if row and any(row):
                changes[table] = (int(row[0]), int(row[1]))
                db.execute(f"insert into {place}.row_changes values (?, ?, ?)", [table, *row])
    return changes


def _is_ours(db: duckdb.DuckDBPyConnection, schema: str, view: str, owner: str) -> bool:
    row = db.execute(
        "select comment = ? from duckdb_views() where schema_name = ? and view_name = ?"
        " and database_name = current_database()",
        [f"generation of {owner}", schema, view],
    ).fetchone()
    return bool(row and row[0])


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Widest:
    """Finds the heaviest rows that will be handled at once, so that memory is as much as they need and no more.

    Attributes:
        bytes: of the heaviest `VECTOR_ROWS` rows in a row, or some more.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._table = ""
        self._window: deque[tuple[int, int]] = deque()
        self._rows = self._size = 0

    def add(self, table: str, rows: int, size: int) -> None:
        """Tell of the next batch of a table."""
        if table != self._table:
            self._table, self._window, self._rows, self._size = table, deque(), 0, 0
        self._window.append((rows, size))
        self._rows += rows
        self._size += size
        while self._rows - self._window[0][0] >= VECTOR_ROWS:
            rows, size = self._window.popleft()
            self._rows -= rows
            self._size -= size
        self.bytes = max(self.bytes, self._size)


def load(pipeline: Any, source: Any, widest: Widest | None = None) -> None:
    """Extract a source with a pipeline and load it, within bounded memory.

    Args:
        pipeline: as `pipeline` yields it.
        source: a dlt source or resource.
        widest: told of every batch by the source, if its rows can be heavy.
    """
    pipeline.extract(source, loader_file_format="parquet", write_disposition="append")
    pipeline.normalize()
    credentials = pipeline.destination.config_params["credentials"]
    if widest:
        limit = max(MEMORY, MEMORY // 2 + widest.bytes * 5 // 4)
        credentials.global_config["memory_limit"] = f"{limit}B"
    # dlt opens the warehouse anew for each table, which takes longer than a small table; open already, it takes none.
    with connect(Path(credentials.database)):
        pipeline.load()


@contextmanager
def pipeline(warehouse: Path, dataset: str) -> Iterator[Any]:
    """Yield a dlt pipeline into one schema of the warehouse, with a working folder of its own.

    The folder stands beside the warehouse and goes with the run: what a run leaves half done is done
    again, never loaded later by accident.
    """
    folder = warehouse.with_name(f".{warehouse.name}.dlt") / dataset
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    dlt.config["extract.next_item_mode"] = "fifo"  # one table after the other: they share a connection
    dlt.config["data_writer.buffer_max_items"] = 1  # an Arrow table is a batch already
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["load.workers"] = 1  # tables loaded side by side would need memory side by side
    try:
        yield dlt.pipeline(
            pipeline_name=dataset,
            pipelines_dir=str(folder),
            destination=dlt.destinations.duckdb(_credentials(warehouse)),
            dataset_name=dataset,
        )
    except PipelineStepFailed as error:
        raise _cause(error) from error
    finally:
        dlt.pipeline(pipeline_name=dataset, pipelines_dir=str(folder)).deactivate()
        shutil.rmtree(folder, ignore_errors=True)
        parent = folder.parent
        if parent.exists() and not any(parent.iterdir()):
            parent.rmdir()


def _credentials(warehouse: Path) -> DuckDbCredentials:
    credentials = DuckDbCredentials(str(warehouse))
    credentials.global_config = {"memory_limit": f"{MEMORY}B", "threads": 1}
    return credentials


def _cause(error: BaseException) -> BaseException:
    """Return what a person can act on, which dlt wraps in its own exceptions."""
    known = (ExtractError, duckdb.IOException, KeyboardInterrupt)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, known):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error
