"""Reads an OTRS, Znuny or OTOBO database into `raw_otrs`.

Every table of the catalogue comes out under its canonical name with every column of the catalogue, null
where this version lacks it, so that dbt's sources always exist. Rows of all tables are of one moment, and
each table's rows equal its `count(*)` in the same transaction.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import sqlalchemy as sa

from extract import generations
from extract.errors import CountMismatchError, SourceError
from extract.otrs import contents
from extract.otrs.batches import BatchColumn, Rejected, batches, schema
from extract.otrs.catalogue import Catalogue, Table, load_catalogue
from extract.otrs.profile import SourceProfile, detect, unsupported
from extract.otrs.settings import OtrsSettings
from extract.otrs.snapshot import Snapshot, SourceColumn, open_snapshot

SCHEMA = "raw_otrs"


@dataclass(frozen=True)
class TableRead:
    """One table of the source after the extract."""

    table_name: str
    canonical_name: str | None
    row_count: int
    bytes: int | None
    is_read: bool
    customer_data: bool | None
    reason: str


@dataclass(frozen=True)
class OtrsExtract:
    """What an extract did.

    Attributes:
        generation: number of the published generation.
        profile: product, version, time zone, with evidence.
        tables: one entry per table of the source.
        rejected: values that had to be changed, all of them also in `raw_otrs.rejected`.
        files: attachments whose bytes were fetched in this run.
        file_bytes: their bytes.
        seconds: duration.
    """

    generation: int
    profile: SourceProfile
    tables: tuple[TableRead, ...]
    rejected: int
    files: int
    file_bytes: int
    seconds: float

    @property
    def rows(self) -> int:
        """Rows of all tables read."""
        return sum(table.row_count for table in self.tables if table.is_read)


@dataclass
class Progress:
    """Where the extract stands; the callbacks are for a person's screen.

    Attributes:
        on_table: called with table, rows read so far, rows expected.
        on_files: called with files done, files expected, bytes done.
    """

    on_table: Callable[[str, int, int], None] = field(default=lambda _table, _done, _expected: None)
    on_files: Callable[[int, int, int], None] = field(default=lambda _done, _expected, _size: None)


def extract_otrs(settings: OtrsSettings, warehouse: Path, progress: Progress | None = None) -> OtrsExtract:
    """Read everything into a new generation and publish it.

    Args:
        settings: where the source is.
        warehouse: the DuckDB file, created when it does not exist.
        progress: receives what happens.

    Raises:
        SettingsError: a setting is missing or wrong.
        SourceError: the source cannot be read or is not OTRS.
        CountMismatchError: a table gave another number of rows than it holds.
        duckdb.IOException: the warehouse is held by another process.
    """
    progress = progress or Progress()
    url = settings.url()
    started_at = datetime.now(UTC).replace(tzinfo=None)
    generation = generations.start(warehouse, SCHEMA)
    catalogue = load_catalogue()
    reads: list[TableRead] = []
    rejected: list[Rejected] = []
    with open_snapshot(url) as snapshot:
        profile = detect(snapshot, settings.timezone)
        if reason := unsupported(snapshot):
            raise SourceError(f"{reason} Nothing was changed in the warehouse.")
        with generations.pipeline(warehouse, generation.dataset) as pipeline:
            source = otrs_source(snapshot, catalogue, profile, generation.number, reads, rejected, progress)
            pipeline.run(source, loader_file_format="parquet", write_disposition="append")
    files, size = contents.extract_contents(url, warehouse, generation.dataset, progress.on_files)
    views = {name: f"select * from {generation.dataset}.{name}" for name in _table_names(catalogue)}
    views["attachment_contents"] = contents.view_of_current(generation.dataset)
    rows = sum(read.row_count for read in reads if read.is_read)
    generations.publish(generation, views, started_at, rows)
    seconds = (datetime.now(UTC).replace(tzinfo=None) - started_at).total_seconds()
    return OtrsExtract(generation.number, profile, tuple(reads), len(rejected), files, size, seconds)


def _table_names(catalogue: Catalogue) -> list[str]:
    return [table.name for table in catalogue.tables] + ["source_profile", "source_tables", "rejected"]


@dlt.source(name="otrs", max_table_nesting=0)  # type: ignore[untyped-decorator] # dlt ships no types for it
def otrs_source(
    snapshot: Snapshot,
    catalogue: Catalogue,
    profile: SourceProfile,
    generation: int,
    reads: list[TableRead],
    rejected: list[Rejected],
    progress: Progress,
) -> Iterator[Any]:
    """Yield one resource per table of the catalogue, then the source's profile, its tables and the rejects.

    The order matters: all resources share one connection and are read one after another, and the last
    ones report what the first ones did.

    Args:
        snapshot: the open transaction.
        catalogue: what is read.
        profile: what is known of the source.
        generation: number of this extract.
        reads: filled with an entry per table.
        rejected: filled with the values that had to be changed.
        progress: receives what happens.
    """
    physical = catalogue.resolve(set(snapshot.tables))
    for table in catalogue.tables:
        yield dlt.resource(
            _read(snapshot, table, physical.get(table.name), reads, rejected, progress),
            name=table.name,
            columns=_naive(*(c.name for c in table.read_columns if c.type == "timestamp")),
        )
    yield dlt.resource(_profile(snapshot, profile, generation), name="source_profile", columns=_naive("snapshot_at"))
    yield dlt.resource(_tables(snapshot, catalogue, reads), name="source_tables")
    yield dlt.resource(_rejects(rejected), name="rejected")


def _naive(*names: str) -> Any:
    """Tell dlt that these timestamps have no zone: OTRS writes local times, dlt would take them for UTC."""
    return {name: {"name": name, "data_type": "timestamp", "timezone": False} for name in names}


def _read(
    snapshot: Snapshot,
    table: Table,
    physical: str | None,
    reads: list[TableRead],
    rejected: list[Rejected],
    progress: Progress,
) -> Iterator[pa.Table]:
    known = [BatchColumn(column.name, _type(column.type)) for column in table.read_columns]
    if physical is None:
        yield schema(known).empty_table()
        return
    present = {column.name: column for column in snapshot.tables[physical]}
    dropped = {column.name for column in table.columns if not column.is_read}
    named = {column.name for column in known} | dropped
    extra = [BatchColumn(name, _type_of(column)) for name, column in present.items() if name not in named]
    columns = known + extra
    selected = ", ".join(_selected(snapshot, table.name, column.name, set(present)) for column in columns)
    names = [column.name for column in columns]
    key = [names.index(name) for name in table.key if name in names]
    order = ", ".join(snapshot.quoted(name) for name in table.key if name in present)
    sql = f"select {selected} from {snapshot.quoted(physical)}" + (f" order by {order}" if order else "")
    expected = snapshot.count(physical)
    done = size = 0
    progress.on_table(table.name, 0, expected)
    for batch in batches(snapshot.rows(sql), columns, table=table.name, key=key, reject=rejected.append):
        done += batch.num_rows
        size += batch.nbytes
        progress.on_table(table.name, done, expected)
        yield batch
    if done == 0:
        yield schema(columns).empty_table()
    if done != expected:
        raise CountMismatchError(
            f"Table {physical} gave {done} rows, but holds {expected} in the same snapshot. Nothing was "
            "changed in the warehouse. Run the extract again; if it stays, check the table in the source."
        )
    reads.append(
        TableRead(physical, table.name, done, size, is_read=True, customer_data=table.customer_data, reason="")
    )


SECRET_ROWS = {
    ("user_preferences", "preferences_value"): (
        "preferences_key",
        ("UserLastPw", "UserGoogleAuthenticatorSecretKey", "GoogleAuthenticatorSecretKey"),
    ),
    ("customer_preferences", "preferences_value"): (
        "preferences_key",
        ("UserLastPw", "UserGoogleAuthenticatorSecretKey", "GoogleAuthenticatorSecretKey"),
    ),
}
"""Values that are passwords or keys by the name beside them: the row is read, the value is not."""

SECRET_SETTINGS = ("%password%", "%secret%", "%::pw")
"""Names of system settings whose values are not read."""


def _selected(snapshot: Snapshot, table: str, column: str, present: set[str]) -> str:
    name = snapshot.quoted(column)
    if column not in present:
        return f"null as {name}"
    if secret := SECRET_ROWS.get((table, column)):
        key, keys = secret
        listed = ", ".join(f"'{value}'" for value in keys)
        return f"case when {snapshot.quoted(key)} not in ({listed}) then {name} end as {name}"
    if table.startswith("sysconfig_") and column == "effective_value":
        hidden = " or ".join(f"lower(name) like '{pattern}'" for pattern in SECRET_SETTINGS)
        return f"case when not ({hidden}) then {name} end as {name}"
    return name


def _type(logical: str) -> str:
    return "bytes" if logical == "base64" else logical


def _type_of(column: SourceColumn) -> str:
    """Return the logical type of a column that the catalogue does not know."""
    for kinds, logical in (
        ((sa.Integer,), "integer"),
        ((sa.Numeric,), "decimal"),
        ((sa.Date, sa.DateTime), "timestamp"),
        ((sa.LargeBinary,), "bytes"),
    ):
        if isinstance(column.type, kinds):
            return logical
    return "text"


def _one_row(values: dict[str, Any], types: dict[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([values[name]], kind) for name, kind in types.items()})


def _profile(snapshot: Snapshot, profile: SourceProfile, generation: int) -> Iterator[pa.Table]:
    values = {
        "generation": generation,
        "engine": snapshot.dialect,
        "engine_version": snapshot.engine_version,
        "product": profile.product,
        "version": profile.version,
        "evidence": profile.evidence,
        "time_zone": profile.time_zone,
        "time_zone_evidence": profile.time_zone_evidence,
        "snapshot_at": snapshot.taken_at,
    }
    types = {name: pa.string() for name in values}
    types |= {"generation": pa.int64(), "snapshot_at": pa.timestamp("us")}
    yield _one_row(values, types)


def _tables(snapshot: Snapshot, catalogue: Catalogue, reads: list[TableRead]) -> Iterator[pa.Table]:
    read = {table.table_name for table in reads}
    for name in snapshot.tables:
        if name not in read:
            known = catalogue.known_unread.get(name)
            reads.append(
                TableRead(
                    table_name=name,
                    canonical_name=None,
                    row_count=snapshot.count(name),
                    bytes=None,
                    is_read=False,
                    customer_data=known.customer_data if known else None,
                    reason=known.reason if known else "unknown to this tool: a person decides",
                )
            )
    yield pa.table(
        {
            "table_name": pa.array([table.table_name for table in reads], pa.string()),
            "canonical_name": pa.array([table.canonical_name for table in reads], pa.string()),
            "row_count": pa.array([table.row_count for table in reads], pa.int64()),
            "bytes": pa.array([table.bytes for table in reads], pa.int64()),
            "is_read": pa.array([table.is_read for table in reads], pa.bool_()),
            "customer_data": pa.array([table.customer_data for table in reads], pa.bool_()),
            "reason": pa.array([table.reason for table in reads], pa.string()),
        }
    )


def _rejects(rejected: list[Rejected]) -> Iterator[pa.Table]:
    yield pa.table(
        {
            "table_name": pa.array([reject.table for reject in rejected], pa.string()),
            "row_key": pa.array([reject.key for reject in rejected], pa.string()),
            "column_name": pa.array([reject.column for reject in rejected], pa.string()),
            "reason": pa.array([reject.reason for reject in rejected], pa.string()),
        }
    )
