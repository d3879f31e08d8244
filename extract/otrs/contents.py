"""Attachment bytes, outside the snapshot, in batches cut by bytes.

The rows' metadata belong to the snapshot; their bytes are large and never change under an id, so they are
fetched afterwards by id, only where they are not held yet, into one append-only table. Memory follows the
largest single file.
"""

import binascii
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from sqlalchemy.engine import URL

from extract import generations
from extract.errors import SourceError
from extract.otrs.batches import BATCH_BYTES
from extract.otrs.snapshot import open_snapshot

DATASET = "otrs_attachment_store"
"""The schema of the append-only table; `raw_otrs.attachment_contents` is the view of what is current."""

PACKAGE_BYTES = 256 * 1024 * 1024
"""About as many bytes go through dlt's working folder at a time: the bound of the disk used beside the warehouse."""

PACKAGE_ROWS = 20_000
ID_PAGE = 500

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


def _fingerprint(alias: str) -> str:
    """Return the expression over an attachment's metadata: other metadata under the same id, other bytes."""
    names = ("article_id", "filename", "content_size", "content_type", "content_id", "disposition")
    parts = ", ".join(f"coalesce({alias}.{name}::varchar, '')" for name in names)
    return f"md5(concat_ws('|', {parts}))"


def view_of_current(dataset: str) -> str:
    """Return the select of `raw_otrs.attachment_contents` for a generation's schema."""
    return (
        "select held.attachment_key, held.article_id, held.filename, held.size, held.sha256, held.content,"
        " held.missing_reason"
        f" from {DATASET}.attachment_contents as held"
        f" join {dataset}.article_data_mime_attachment as current on held.attachment_id = current.id"
        f" and held.fingerprint = {_fingerprint('current')}"
    )


def ensure_store(warehouse: Path) -> None:
    """Create the append-only table when the warehouse has none."""
    with generations.connect(warehouse) as db:
        db.execute(f"create schema if not exists {DATASET}")
        db.execute(
            f"create table if not exists {DATASET}.attachment_contents (attachment_key varchar,"
            " attachment_id bigint, article_id bigint, filename varchar, fingerprint varchar, size bigint,"
            " sha256 varchar, content blob, missing_reason varchar)"
        )


def _missing(warehouse: Path, dataset: str) -> tuple[list[tuple[int, str]], int]:
    """Return the next ids (with fingerprints) that are not held, and how many there are in all."""
    with generations.connect(warehouse) as db:
        wanted = (
            f"select id, {_fingerprint('a')} as fingerprint, coalesce(try_cast(content_size as bigint), 0) as bytes"
            f" from {dataset}.article_data_mime_attachment as a"
        )
        missing = (
            f"select * from ({wanted}) as wanted anti join {DATASET}.attachment_contents as held"
            " on held.attachment_id = wanted.id and held.fingerprint = wanted.fingerprint"
        )
        total = db.execute(f"select count(*) from ({missing})").fetchone()
        rows = db.execute(f"{missing} order by id limit {PACKAGE_ROWS}").fetchall()
    page: list[tuple[int, str]] = []
    size = 0
    for key, fingerprint, declared in rows:
        if page and size + declared > PACKAGE_BYTES:
            break
        page.append((int(key), str(fingerprint)))
        size += declared
    return page, int(total[0]) if total else 0


def extract_contents(
    url: URL, warehouse: Path, dataset: str, on_progress: Callable[[int, int, int], None]
) -> tuple[int, int]:
    """Fetch the bytes of every attachment of the generation that is not held yet.

    Args:
        url: the source.
        warehouse: the DuckDB file.
        dataset: schema of the generation whose metadata say what is wanted.
        on_progress: called with files done, files in all, bytes done.

    Returns:
        Files and bytes fetched.

    Raises:
        SourceError: a batch made no progress.
    """
    ensure_store(warehouse)
    files = size = 0
    page, total = _missing(warehouse, dataset)
    expected = total
    while page:
        with generations.pipeline(warehouse, DATASET) as pipeline:
            counted: list[int] = []
            resource = dlt.resource(_fetch(url, page, counted), name="attachment_contents", write_disposition="append")
            pipeline.run(resource, loader_file_format="parquet")
        files += len(counted)
        size += sum(counted)
        on_progress(files, expected, size)
        page, left = _missing(warehouse, dataset)
        if left >= total:
            raise SourceError(
                f"{left} attachments are still missing after a batch of {len(counted)}. "
                "Run `otrs2intercom extract otrs` again; if it stays, the warehouse is damaged."
            )
        total = left
    return files, size


def _fetch(url: URL, wanted: Sequence[tuple[int, str]], counted: list[int]) -> Iterator[pa.Table]:
    pending: list[tuple[Any, ...]] = []
    pending_bytes = 0
    with open_snapshot(url, describe=False) as source:
        base64 = source.dialect == "postgresql"
        for start in range(0, len(wanted), ID_PAGE):
            part = dict(wanted[start : start + ID_PAGE])
            marks = ", ".join("?" * len(part))
            sql = (
                "select id, article_id, filename, content from article_data_mime_attachment"
                f" where id in ({marks}) order by id"
            )
            for key, article_id, filename, content in source.rows(sql, tuple(part), at_once=1):
                data, reason = _decoded(content, base64=base64)
                pending.append(_row(key, article_id, filename, part.pop(key), data, reason))
                pending_bytes += len(data or b"")
                counted.append(len(data or b""))
                if pending_bytes >= BATCH_BYTES:
                    yield _table(pending)
                    pending, pending_bytes = [], 0
            for key, fingerprint in part.items():
                pending.append(_row(key, None, None, fingerprint, None, "deleted from the source while it was read"))
                counted.append(0)
    if pending:
        yield _table(pending)


def _decoded(content: Any, *, base64: bool) -> tuple[bytes | None, str | None]:
    if content is None:
        return b"", None
    if base64:
        try:
            return binascii.a2b_base64(content), None
        except ValueError as error:
            return None, f"not base64: {error}"
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else bytes(content), None


def _row(
    key: int, article_id: int | None, filename: Any, fingerprint: str, data: bytes | None, reason: str | None
) -> tuple[Any, ...]:
    name = filename.decode("utf-8", "replace") if isinstance(filename, bytes) else filename
    digest = hashlib.sha256(data).hexdigest() if data is not None else None
    size = len(data) if data is not None else None
    return (f"otrs:attachment:{key}", key, article_id, name, fingerprint, size, digest, data, reason)


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    return pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )
