"""Reads an OTRS, Znuny or OTOBO database into `raw_otrs`.

Every table of the catalogue comes out under its canonical name with every column of the catalogue, null
where this version lacks it, so that dbt's sources always exist. Rows of all tables are of one moment, and
each table's rows equal its `count(*)` in the same transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import sqlalchemy as sa

from extract import generations
from extract.errors import CountMismatchError, SettingsError, SourceError
from extract.otrs import article_files, contents
from extract.otrs.account import Account, examine_account
from extract.otrs.batches import BatchColumn, batches, schema
from extract.otrs.catalogue import NEW_ARTICLES, Catalogue, Table, load_catalogue
from extract.otrs.customers_csv import read_customers
from extract.otrs.disk import check_disk, disk_needed
from extract.otrs.profile import SourceProfile, detect
from extract.otrs.rejects import Rejects
from extract.otrs.settings import NO_FILES, OtrsSettings
from extract.otrs.snapshot import Snapshot, SourceColumn, Throttle, open_snapshot

SCHEMA = "raw_otrs"


@dataclass(frozen=True)
class TableRead:
    """One table of the source after the extract."""

    table_name: str
    canonical_name: str | None
    row_count: int | None
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
        changes: table to rows added and rows deleted since the previous generation, as in `raw_otrs.row_changes`.
        rejected: values that had to be changed, all of them also in `raw_otrs.rejected`.
        files: attachments whose bytes were fetched in this run.
        file_bytes: their bytes.
        seconds: duration.
    """

    generation: int
    profile: SourceProfile
    tables: tuple[TableRead, ...]
    changes: Mapping[str, tuple[int, int]]
    rejected: int
    files: int
    file_bytes: int
    seconds: float

    @property
    def rows(self) -> int:
        """Rows of all tables read."""
        return _rows(self.tables)


def _rows(tables: Sequence[TableRead]) -> int:
    return sum(table.row_count or 0 for table in tables if table.is_read)


@dataclass
class Progress:
    """Where the extract stands; the callbacks are for a person's screen.

    Attributes:
        on_table: called with the table, rows read so far of all tables, rows expected of all tables.
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
    throttle = Throttle(settings.max_rows_per_second)
    started_at = datetime.now(UTC).replace(tzinfo=None)
    generation = generations.start(warehouse, SCHEMA)
    catalogue = load_catalogue()
    with open_snapshot(url, throttle=throttle) as snapshot, Rejects() as rejects:
        profile = detect(snapshot, settings.timezone, trust_time_zone=settings.trust_timezone)
        check_storage(profile, settings)
        check_disk(disk_needed(snapshot, warehouse))
        account = examine_account(snapshot)
        read = _Reading(snapshot, catalogue, settings, rejects, progress, account)
        with generations.pipeline(warehouse, generation.dataset) as pipeline:
            generations.load(pipeline, otrs_source(read, profile, generation.number), read.widest)
    files, size = contents.extract_contents(
        url, warehouse, generation.dataset, progress.on_files, settings.article_folder(), throttle
    )
    views = {name: f"select * from {generation.dataset}.{name}" for name in _table_names(catalogue)}
    views["attachment_contents"] = contents.view_of_current(generation.dataset)
    views["row_changes"] = f"select * from {generation.dataset}.row_changes"
    changes = generations.count_changes(generation, {table.name: table.key for table in catalogue.tables})
    generations.publish(generation, views, started_at, _rows(read.tables))
    seconds = (datetime.now(UTC).replace(tzinfo=None) - started_at).total_seconds()
    return OtrsExtract(
        generation=generation.number,
        profile=profile,
        tables=tuple(read.tables),
        changes=changes,
        rejected=len(rejects),
        files=files,
        file_bytes=size,
        seconds=seconds,
    )


MADE_HERE = ("article_files", "source_profile", "source_tables", "rejected")
"""Tables of `raw_otrs` that are no tables of OTRS."""


def _table_names(catalogue: Catalogue) -> list[str]:
    return [table.name for table in catalogue.tables] + list(MADE_HERE)


def check_storage(profile: SourceProfile, settings: OtrsSettings) -> None:
    """Refuse what would come out green and without files.

    Raises:
        SourceError: the files are kept in S3.
        SettingsError: they are kept on disk, and nobody says where.
    """
    if profile.article_storage == "S3":
        raise SourceError(
            f"This OTOBO keeps its files in S3 ({profile.article_storage_evidence}), which this tool does not read. "
            "Move them into the database or to disk first, with OTOBO's own bin/otobo.Console.pl "
            "Admin::Article::StorageSwitch. Nothing was changed in the warehouse."
        )
    if profile.article_storage in {"files", "mixed"} and not settings.article_dir:
        raise SettingsError(
            "OTRS keeps attachments and raw mails, or some of them, on disk: "
            f"{profile.article_storage_evidence}. Set OTRS__ARTICLE_DIR to its folder var/article, as this machine "
            f"sees it, or to {NO_FILES!r} if those files were deleted. Nothing was changed in the warehouse."
        )


class _Reading:
    """One pass over the source: what is shared by the tables, which are read one after another.

    Attributes:
        tables: an entry per table that was looked at.
        widest: the heaviest rows so far.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        catalogue: Catalogue,
        settings: OtrsSettings,
        rejects: Rejects,
        progress: Progress,
        account: Account,
    ) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
        self.settings = settings
        self.rejects = rejects
        self.tables: list[TableRead] = []
        self.physical = catalogue.resolve(set(snapshot.tables))
        _check_rights(account, set(self.physical.values()))
        self.unreadable = set(account.unreadable)
        self.outside_snapshot = {outside.table: outside.kind for outside in account.outside_snapshot}
        self.counts = {name: snapshot.count(name) for name in snapshot.tables if name not in self.unreadable}
        self.widest = generations.Widest()
        self._progress = progress
        self._done = 0
        self._expected = sum(self.counts[name] for name in self.physical.values() if name)

    def advance(self, table: str, rows: int) -> None:
        """Say that rows of a table have been read."""
        self._done += rows
        self._progress.on_table(table, self._done, self._expected)


def _check_rights(account: Account, wanted: set[str | None]) -> None:
    """Refuse an account that sees less than there is: what it does not see would be missing without a word.

    Raises:
        SourceError: it names the tables and how to make an account that may read.
    """
    hidden = sorted(set(account.unreadable) & wanted)
    hidden += [name for name in account.missing if account.is_per_table]
    if hidden:
        raise SourceError(
            f"The account may not SELECT from {', '.join(hidden)}, so their rows would be missing without a word. "
            f"Nothing was changed in the warehouse. An account that may read everything: {account.advice}"
        )


@dlt.source(name="otrs", max_table_nesting=0)  # type: ignore[untyped-decorator] # dlt ships no types for it
def otrs_source(read: _Reading, profile: SourceProfile, generation: int) -> Iterator[Any]:
    """Yield one resource per table of the catalogue, then files on disk, the profile, the tables, the rejects.

    The order matters: all resources share one connection and are read one after another, and the last
    ones report what the first ones did.

    Args:
        read: the open transaction and what is wanted of it.
        profile: what is known of the source.
        generation: number of this extract.
    """
    for table in read.catalogue.tables:
        yield dlt.resource(
            _read(read, table),
            name=table.name,
            columns=_naive(*(c.name for c in table.read_columns if c.type == "timestamp")),
        )
    yield dlt.resource(_article_files(read), name="article_files", columns=_naive("modified_at"))
    yield dlt.resource(
        _profile(read.snapshot, profile, generation), name="source_profile", columns=_naive("snapshot_at")
    )
    yield dlt.resource(_tables(read), name="source_tables")
    yield dlt.resource(read.rejects.tables(), name="rejected")


def _naive(*names: str) -> Any:
    """Tell dlt that these timestamps have no zone: OTRS writes local times, dlt would take them for UTC."""
    return {name: {"name": name, "data_type": "timestamp", "timezone": False} for name in names}


def _read(read: _Reading, table: Table) -> Iterator[pa.Table]:
    snapshot = read.snapshot
    physical = read.physical[table.name]
    known = [BatchColumn(column.name, _type(column.type, snapshot)) for column in table.read_columns]
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
    expected = read.counts[physical]
    done = size = 0
    read.advance(table.name, 0)
    rows = snapshot.rows(sql, as_bytes=True)
    for batch in batches(rows, columns, table=table.name, key=key, reject=read.rejects.add):
        done += batch.num_rows
        size += batch.nbytes
        read.widest.add(table.name, batch.num_rows, batch.nbytes)
        read.advance(table.name, batch.num_rows)
        yield batch
    if done == 0:
        yield schema(columns).empty_table()
    if done != expected:
        raise CountMismatchError(
            f"Table {physical} gave {done} rows, but holds {expected} in the same snapshot. Nothing was "
            "changed in the warehouse. Run the extract again; if it stays, check the table in the source."
        )
    kind = read.outside_snapshot.get(physical)
    read.tables.append(
        TableRead(
            table_name=physical,
            canonical_name=table.name,
            row_count=done,
            bytes=size,
            is_read=True,
            customer_data=table.customer_data,
            reason=f"{kind}: without transactions, so not certainly of the same moment" if kind else "",
        )
    )
    if table.name == "customer_user" and read.settings.customers_csv:
        yield from _customers(read, table, physical, columns, Path(read.settings.customers_csv))


def _customers(
    read: _Reading, table: Table, physical: str, columns: Sequence[BatchColumn], path: Path
) -> Iterator[pa.Table]:
    """Yield the customers of `OTRS__CUSTOMERS_CSV` as further rows of `customer_user`."""

    def known(logins: Sequence[str]) -> set[str]:
        marks = ", ".join("?" * len(logins))
        sql = f"select lower(login) from {read.snapshot.quoted(physical)} where lower(login) in ({marks})"
        return {str(login) for (login,) in read.snapshot.rows(sql, tuple(logins))} if logins else set()

    people = read_customers(path, table, known, read.rejects.add)
    rows = (tuple(person.get(column.name) for column in columns) for person in people)
    names = [column.name for column in columns]
    done = size = 0
    for batch in batches(rows, columns, table=table.name, key=[names.index("login")], reject=read.rejects.add):
        done += batch.num_rows
        size += batch.nbytes
        yield batch
    read.tables.append(
        TableRead(
            table_name=path.name,
            canonical_name=table.name,
            row_count=done,
            bytes=size,
            is_read=True,
            customer_data=True,
            reason="customers kept outside the database, from OTRS__CUSTOMERS_CSV",
        )
    )


def _article_files(read: _Reading) -> Iterator[pa.Table]:
    """Yield what is known of each article file on disk; its bytes follow, as those of the database do."""
    folder = read.settings.article_folder()
    if folder is None:
        yield article_files.SCHEMA.empty_table()
        return
    yield from article_files.read_article_files(read.snapshot, folder, read.rejects.add)


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


def _type(logical: str, snapshot: Snapshot) -> str:
    """Return how a column is to be read here: OTRS keeps bytes as base64 text on PostgreSQL only."""
    return "bytes" if logical == "base64" and snapshot.dialect != "postgresql" else logical


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
        **asdict(profile),
        "snapshot_at": snapshot.taken_at,
    }
    types = {name: pa.string() for name in values}
    types |= {"generation": pa.int64(), "snapshot_at": pa.timestamp("us")}
    yield _one_row(values, types)


def _tables(read: _Reading) -> Iterator[pa.Table]:
    seen = {table.table_name for table in read.tables}
    sizes = read.snapshot.sizes()
    for name in read.snapshot.tables:
        if name not in seen:
            reason, customer_data = _why_unread(read.catalogue, name, read.snapshot.tables)
            if name in read.unreadable:
                reason += "; not counted, since the account may not SELECT from it"
            read.tables.append(
                TableRead(
                    table_name=name,
                    canonical_name=None,
                    row_count=read.counts.get(name),
                    bytes=sizes.get(name),
                    is_read=False,
                    customer_data=customer_data,
                    reason=reason,
                )
            )
    types = {
        "table_name": pa.string(),
        "canonical_name": pa.string(),
        "row_count": pa.int64(),
        "bytes": pa.int64(),
        "is_read": pa.bool_(),
        "customer_data": pa.bool_(),
        "reason": pa.string(),
    }
    yield pa.Table.from_pylist([asdict(table) for table in read.tables], schema=pa.schema(list(types.items())))


def _why_unread(catalogue: Catalogue, name: str, present: Mapping[str, object]) -> tuple[str, bool | None]:
    """Return why a table of the source was not read, and whether it holds customers' data (None: unknown)."""
    lower = name.lower()
    if known := catalogue.known_unread.get(lower):
        return known.reason, known.customer_data
    for table in catalogue.tables:
        if lower == table.name and table.until:
            return f"left over from OTRS 5: where {NEW_ARTICLES} exists, OTRS reads it no more", table.customer_data
        if lower in (*table.aliases, table.name):
            used = next(other for other in (*table.aliases, table.name) if other in {key.lower() for key in present})
            return f"left over from an older version: {used} is the table in use", table.customer_data
    return "unknown to this tool: a person decides", None
