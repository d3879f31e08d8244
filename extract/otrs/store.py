"""The append-only table of file contents in the warehouse, and what it does not hold yet.

One row per file and state of its metadata (the fingerprint), never changed once written. Rows go in by
transactions of about `PACKAGE_BYTES`: what was committed is held, so that a run that dies goes on there.

dlt is not used for these rows, measured with files of 64 MB: its Parquet file is written and read again, which
takes twice the time, 750 MB more memory, and disk beside the warehouse.

DuckDB reads and rewrites 2,048 rows of a column at once (a vector) and merges small row groups of 122,880 rows
whenever it tidies up. Left alone, 100 files of 64 MB would one day have to fit into memory together, for
whoever reads or writes them. So rows without a key fill the gaps: at most `VECTOR_BYTES` (or one file) share a
vector, and each transaction ends with a full row group, which DuckDB leaves as it is. They take next to no
space; whoever reads the table itself leaves them out by `attachment_key is not null`.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from extract import generations

DATASET = "otrs_attachment_store"
"""The schema of the append-only table; `raw_otrs.attachment_contents` is the view of what is current."""

STORE = f"{DATASET}.attachment_contents"

PACKAGE_BYTES = 128 * 1024 * 1024
"""A transaction: what a run that dies has to fetch again at most, and what DuckDB keeps in memory meanwhile."""

PACKAGE_ROWS = 100_000
VECTOR_BYTES = 64 * 1024 * 1024
BATCH_BYTES = 16 * 1024 * 1024

VECTOR_ROWS = 2_048
ROW_GROUP_ROWS = 122_880
"""Sizes of DuckDB's storage, fixed by its file format's defaults."""

LIST_MEMORY = "400MB"
LIST_ROWS = 2_000

SCHEMA = pa.schema(
    [
        ("attachment_key", pa.string()),
        ("attachment_id", pa.int64()),
        ("article_id", pa.int64()),
        ("filename", pa.large_string()),
        ("fingerprint", pa.string()),
        ("size", pa.int64()),
        ("sha256", pa.string()),
        ("content", pa.large_binary()),
        ("missing_reason", pa.string()),
    ]
)

CONTENT_COLUMNS = {
    "article_data_mime_attachment": "content",
    "article_attachment": "content",
    "article_data_mime_plain": "body",
    "article_plain": "body",
}
"""Canonical tables whose bytes stand in the store and not with the rows, and the column they come from."""


@dataclass(frozen=True)
class Wanted:
    """A file whose bytes are not held.

    Attributes:
        table_name: canonical table of its metadata.
        attachment_key: key in the store.
        id: row of the table, null for files on disk.
        article_id: its article.
        filename: its name, null for raw mails of the database.
        content_path: folder of the article on disk, null for rows of the database.
        fingerprint: hash of the metadata.
        declared_bytes: size by the metadata, null where unknown; not reliable in the database.
        missing_reason: why there is nothing to fetch, by the metadata.
        is_tried: a former run has a row that says why there is no content.
    """

    table_name: str
    attachment_key: str
    id: int | None
    article_id: int | None
    filename: str | None
    content_path: str | None
    fingerprint: str
    declared_bytes: int | None
    missing_reason: str | None
    is_tried: bool


@dataclass(frozen=True)
class MissingContents:
    """Everything whose bytes are not held, as a list on disk.

    Attributes:
        path: the list, a Parquet file.
        files: their number.
        bytes: sum of their sizes as far as the metadata tell.
        unknown: how many tell no size, by canonical table.
        largest: size of the largest as far as the metadata tell.
    """

    path: Path
    files: int
    bytes: int
    unknown: dict[str, int]
    largest: int

    def wanted(self) -> Generator[Wanted, None, None]:
        """Yield them by table, and there by id or by folder."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(LIST_ROWS):
                yield from (Wanted(**row) for row in batch.to_pylist())


def _metadata(dataset: str) -> str:
    """Return a select of everything that a generation's metadata say should be held, with its fingerprint.

    The fingerprint stands for the bytes: other metadata under the same key, other bytes.
    """
    attachments = ("article_id", "filename", "content_size", "content_type", "content_id", "disposition")
    plain = ("article_id", "create_time", "change_time")
    on_disk = (
        *("filename", "size", "modified_at", "content_type", "content_id", "content_alternative", "disposition"),
        "missing_reason",
    )
    selects = [
        f"select '{table}' as table_name, '{key}:' || id as attachment_key, id, article_id, {filename} as filename,"
        f" null::varchar as content_path, {_fingerprint(columns)} as fingerprint, {size} as declared_bytes,"
        f" null::varchar as missing_reason from {dataset}.{table}"
        for table, key, filename, columns, size in (
            ("article_data_mime_attachment", "otrs:attachment", "filename", attachments, _declared("content_size")),
            ("article_attachment", "otrs:attachment", "filename", attachments, _declared("content_size")),
            ("article_data_mime_plain", "otrs:article_plain", "null::varchar", plain, "null::bigint"),
            ("article_plain", "otrs:article_plain", "null::varchar", plain, "null::bigint"),
        )
    ]
    selects.append(
        "select 'article_files', file_key, null::bigint, article_id, filename, content_path,"
        f" {_fingerprint(on_disk)}, size, missing_reason from {dataset}.article_files"
    )
    return " union all ".join(selects)


def _fingerprint(columns: Sequence[str]) -> str:
    parts = ", ".join(f"coalesce({name}::varchar, '')" for name in columns)
    return f"md5(concat_ws('|', {parts}))"


def _declared(column: str) -> str:
    return f"greatest(try_cast({column} as bigint), 0)"


def view_of_current(dataset: str) -> str:
    """Return the select of `raw_otrs.attachment_contents` for a generation's schema.

    A row with a reason counts only as long as no row with the bytes has followed it.
    """
    columns = "attachment_key, article_id, filename, size, sha256, content, missing_reason"
    held = ", ".join(f"held.{name.strip()}" for name in columns.split(","))
    same = "on {0}.attachment_key = {1}.attachment_key and {0}.fingerprint = {1}.fingerprint"
    wanted = f"(select attachment_key, fingerprint from ({_metadata(dataset)})) as wanted"
    joined = f"select {held} from {STORE} as held join {wanted} {same.format('held', 'wanted')}"
    better = f"(select attachment_key, fingerprint from {STORE} where missing_reason is null) as better"
    return (
        f"{joined} where held.missing_reason is null union all "
        f"{joined} anti join {better} {same.format('held', 'better')} where held.missing_reason is not null"
    )


def ensure_store(warehouse: Path) -> None:
    """Create the append-only table when the warehouse has none."""
    with generations.connect(warehouse) as db:
        db.execute(f"create schema if not exists {DATASET}")
        db.execute(
            f"create table if not exists {STORE} (attachment_key varchar,"
            " attachment_id bigint, article_id bigint, filename varchar, fingerprint varchar, size bigint,"
            " sha256 varchar, content blob, missing_reason varchar)"
        )


def held_bytes(warehouse: Path) -> int:
    """Return how many bytes of files the warehouse holds."""
    with generations.connect(warehouse) as db:
        exists = db.execute(
            "select count(*) from duckdb_tables() where schema_name = ? and table_name = 'attachment_contents'"
            " and database_name = current_database()",
            [DATASET],
        ).fetchone()
        row = db.execute(f"select coalesce(sum(size), 0) from {STORE}").fetchone() if exists and exists[0] else None
    return int(row[0]) if row else 0


@contextmanager
def missing_contents(warehouse: Path, dataset: str) -> Iterator[MissingContents]:
    """Yield the list of what the generation wants and the store does not hold, and of what had no content.

    The list stands beside the warehouse while it is worked off, so that it takes no memory and no lock.
    """
    folder = warehouse.with_name(f".{warehouse.name}.dlt")
    folder.mkdir(exist_ok=True)
    path = folder / f"{DATASET}.parquet"
    try:
        with generations.connect(warehouse) as db:
            db.execute(f"set memory_limit = '{LIST_MEMORY}'")
            db.execute(f"copy ({_missing(dataset)}) to '{_literal(path)}' (format parquet, row_group_size {LIST_ROWS})")
            listed = f"read_parquet('{_literal(path)}')"
            totals = db.execute(
                f"select count(*), coalesce(sum(declared_bytes), 0), coalesce(max(declared_bytes), 0) from {listed}"
            ).fetchone()
            unknown = db.execute(
                f"select table_name, count(*) from {listed} where declared_bytes is null and missing_reason is null"
                " group by all"
            ).fetchall()
        files, size, largest = totals or (0, 0, 0)
        yield MissingContents(path, int(files), int(size), dict(unknown), int(largest))
    finally:
        path.unlink(missing_ok=True)
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def _missing(dataset: str) -> str:
    same = "held.attachment_key = wanted.attachment_key and held.fingerprint = wanted.fingerprint"
    held = f"from {STORE} as held where held.missing_reason is {{}} null"
    return (
        "select wanted.*, tried.attachment_key is not null as is_tried"
        f" from (select wanted.* from ({_metadata(dataset)}) as wanted"
        f" anti join (select attachment_key, fingerprint {held.format('')}) as held on {same}) as wanted"
        f" left join (select distinct attachment_key, fingerprint {held.format('not')}) as tried"
        f" on {same.replace('held.', 'tried.')}"
        " order by table_name, id, content_path, article_id, filename, attachment_key"
    )


def _literal(path: Path) -> str:
    return str(path).replace("'", "''")


def append(warehouse: Path, fetched: Iterable[tuple[Wanted, bytes | None, str | None]]) -> None:
    """Append rows in one transaction, spread over DuckDB's vectors by their bytes.

    Args:
        warehouse: the DuckDB file.
        fetched: what was wanted, its bytes, and why there are none or not as they should be.

    Raises:
        duckdb.IOException: another process holds the file.
    """
    with generations.connect(warehouse) as db:
        db.execute("set threads = 1")  # more of them write the rows twice, once for each of two layouts
        db.execute("begin")
        for batch in _packed(fetched):
            db.register("batch", batch)
            db.execute(f"insert into {STORE} by name select * from batch")
            db.unregister("batch")
        db.execute("commit")


def _packed(fetched: Iterable[tuple[Wanted, bytes | None, str | None]]) -> Iterator[pa.RecordBatch]:
    """Yield batches that fill vectors by bytes and end with a row group's end."""
    position = vector_bytes = pending_bytes = 0
    pending: list[tuple[Any, ...]] = []
    for wanted, content, reason in fetched:
        size = len(content or b"")
        if vector_bytes and vector_bytes + size > VECTOR_BYTES:
            yield _batch(pending)
            pending, pending_bytes = [], 0
            yield _gap(-position % VECTOR_ROWS)
            position += -position % VECTOR_ROWS
            vector_bytes = 0
        pending.append(_row(wanted, content, reason))
        position += 1
        vector_bytes = vector_bytes + size if position % VECTOR_ROWS else 0
        pending_bytes += size
        if pending_bytes >= BATCH_BYTES or len(pending) >= VECTOR_ROWS:
            yield _batch(pending)
            pending, pending_bytes = [], 0
    yield _batch(pending)
    yield _gap(-position % ROW_GROUP_ROWS)


def _row(wanted: Wanted, content: bytes | None, reason: str | None) -> tuple[Any, ...]:
    return (
        wanted.attachment_key,
        wanted.id,
        wanted.article_id,
        wanted.filename,
        wanted.fingerprint,
        None if content is None else len(content),
        None if content is None else hashlib.sha256(content).hexdigest(),
        content,
        reason,
    )


def _batch(rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _gap(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(rows, field.type) for field in SCHEMA], schema=SCHEMA)
