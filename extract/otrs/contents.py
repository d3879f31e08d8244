"""Bytes of attachments and raw mails, outside the snapshot, where they are not held yet.

The rows' metadata belong to the snapshot; their bytes are large and never change under an id. So they are
fetched afterwards by key, from the database or from disk, package by package, each with a short transaction of
its own on the source. Memory follows the largest single file, three to four times its size while it passes:
PyMySQL holds its packet and two copies of it, psycopg the text, then there is what DuckDB has not yet written.

On PostgreSQL OTRS keeps them as base64 text with line breaks. OTRS itself decodes a raw mail only when the
value holds no space, and any attachment. A value that is no base64 is kept as the text it is, with the reason
in `missing_reason`: nothing is lost, and nobody takes it for the file.

A row that the source lost meanwhile is a row with its reason. Whatever has a reason is tried again next time.
"""

import binascii
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from extract.otrs import disk
from extract.otrs.article_files import read_contents
from extract.otrs.catalogue import load_catalogue
from extract.otrs.snapshot import Snapshot, Throttle, open_snapshot
from extract.otrs.store import (
    BATCH_BYTES,
    CONTENT_COLUMNS,
    DATASET,
    PACKAGE_BYTES,
    PACKAGE_ROWS,
    MissingContents,
    Wanted,
    append,
    ensure_store,
    missing_contents,
    view_of_current,
)

__all__ = ["DATASET", "ensure_store", "extract_contents", "view_of_current"]

PAGE_ROWS = 500
PAGE_BYTES = 32 * 1024 * 1024
UNKNOWN_BYTES = 1024 * 1024
"""What a file whose size nobody noted is taken for; being wrong makes a page longer, never a package."""

BASE64_PIECE = 4 * 1024 * 1024
BLANKS = b"\r\n\t "

VANISHED = "deleted from the source while it was read"
NO_FOLDER = "it is on disk, and OTRS__ARTICLE_DIR is not set"

Fetched = tuple[Wanted, bytes | None, str | None]
"""What was wanted, its bytes, and why there are none or not as they should be."""


def extract_contents(
    url: URL,
    warehouse: Path,
    dataset: str,
    on_progress: Callable[[int, int, int], None],
    article_dir: Path | None = None,
    throttle: Throttle | None = None,
) -> tuple[int, int]:
    """Fetch the bytes of every file of the generation that is not held yet.

    Each package is a transaction, so a run that dies is continued by the next one.

    Args:
        url: the source.
        warehouse: the DuckDB file.
        dataset: schema of the generation whose metadata say what is wanted.
        on_progress: called with files done, files in all, bytes done.
        article_dir: folder of the article files, when some are on disk.
        throttle: holds the number of rows per second down.

    Returns:
        Files and bytes fetched.

    Raises:
        SettingsError: there is not enough room on the warehouse's disk, or `article_dir` cannot be read.
        SourceError: the source failed.
        duckdb.IOException: another process holds the warehouse.
    """
    ensure_store(warehouse)
    files = size = done = 0
    with missing_contents(warehouse, dataset) as missing:
        if not missing.files:
            return 0, 0
        physical = _check_room(url, warehouse, missing)
        on_progress(0, missing.files, 0)
        with closing(missing.wanted()) as wanted:
            queue = _Queue(wanted)
            while queue:
                package = _Package()
                with open_snapshot(url, describe=False, throttle=throttle) as source:
                    append(warehouse, package.rows(source, physical, queue, article_dir))
                files += package.files
                size += package.bytes
                done += package.done
                on_progress(done, missing.files, size)
    return files, size


def _check_room(url: URL, warehouse: Path, missing: MissingContents) -> dict[str, str | None]:
    """Compare what is missing with the room there is, and return the tables' names in the source."""
    with open_snapshot(url) as source:
        physical = load_catalogue().resolve(set(source.tables))
        sizes = disk.table_bytes(source) if missing.unknown else {}
        unknown = 0
        for table, number in missing.unknown.items():
            if name := physical.get(table):
                unknown += sizes.get(name, 0) * number // max(source.count(name), 1)
    contents = missing.bytes + unknown
    disk.check_disk(disk.need(warehouse, tables=0, contents=contents, largest=missing.largest))
    return physical


class _Queue:
    """What is still wanted, cut into pages of one query or one folder each."""

    def __init__(self, wanted: Iterator[Wanted]) -> None:
        self._wanted = wanted
        self._next: deque[Wanted] = deque()

    def __bool__(self) -> bool:
        return self._peek() is not None

    def _peek(self) -> Wanted | None:
        if not self._next and (following := next(self._wanted, None)):
            self._next.append(following)
        return self._next[0] if self._next else None

    def page(self) -> list[Wanted]:
        """Take the next ones: of one table, on disk of one article, by their supposed size."""
        page: list[Wanted] = []
        size = 0
        while (following := self._peek()) and len(page) < PAGE_ROWS:
            size += UNKNOWN_BYTES if following.declared_bytes is None else following.declared_bytes
            if page and (size > PAGE_BYTES or _place(following) != _place(page[0])):
                break
            page.append(self._next.popleft())
        return page

    def put_back(self, wanted: Sequence[Wanted]) -> None:
        """Return the rest of a page."""
        self._next.extendleft(reversed(wanted))


def _place(wanted: Wanted) -> tuple[Any, ...]:
    on_disk = wanted.table_name not in CONTENT_COLUMNS
    return (wanted.table_name, wanted.content_path, wanted.article_id if on_disk else None)


class _Package:
    """One transaction's worth of files.

    Attributes:
        files: fetched.
        bytes: fetched.
        done: settled, as fetched or with a reason.
    """

    def __init__(self) -> None:
        self.files = self.bytes = self.done = 0
        self._size = 0

    def rows(
        self, source: Snapshot, physical: dict[str, str | None], queue: _Queue, article_dir: Path | None
    ) -> Iterator[Fetched]:
        """Yield rows to append until the package is full or nothing is wanted any more."""
        while self._size < PACKAGE_BYTES and self.done < PACKAGE_ROWS and (page := queue.page()):
            settled = 0
            with closing(_fetched(source, physical, page, article_dir)) as fetched:
                for wanted, content, reason in fetched:
                    settled += 1
                    self.done += 1
                    self._size += len(content or b"")
                    if content is not None and reason is None:
                        self.files += 1
                        self.bytes += len(content)
                    if reason is None or not wanted.is_tried:
                        yield wanted, content, reason
                    if self._size >= PACKAGE_BYTES:
                        break
            queue.put_back(page[settled:])


def _fetched(
    source: Snapshot, physical: dict[str, str | None], page: list[Wanted], article_dir: Path | None
) -> Generator[Fetched, None, None]:
    """Yield one row for each that is wanted, in their order."""
    table = page[0].table_name
    if table not in CONTENT_COLUMNS:
        yield from _from_disk(page, article_dir)
    elif name := physical.get(table):
        yield from _from_database(source, name, CONTENT_COLUMNS[table], page)
    else:
        yield from ((wanted, None, VANISHED) for wanted in page)


def _from_disk(page: list[Wanted], article_dir: Path | None) -> Iterator[Fetched]:
    there = [wanted.attachment_key for wanted in page if wanted.missing_reason is None]
    if there and article_dir is None:
        yield from ((wanted, None, wanted.missing_reason or NO_FOLDER) for wanted in page)
        return
    first = page[0]
    contents = read_contents(article_dir or Path(), first.content_path or "", first.article_id or 0, there)
    for wanted in page:
        if wanted.missing_reason:
            yield wanted, None, wanted.missing_reason
        else:
            yield wanted, *next(contents)


def _from_database(source: Snapshot, table: str, column: str, page: list[Wanted]) -> Iterator[Fetched]:
    ids = [wanted.id for wanted in page]
    where = f"from {source.quoted(table)} where id in ({', '.join('?' * len(ids))})"
    base64 = source.dialect == "postgresql"
    rows = source.rows(
        f"select id, {column} {where} order by id",
        ids,
        at_once=_at_once(source, f"select max(octet_length({column})) {where}", ids),
    )
    position = 0
    for key, value in rows:
        while position < len(page) and (page[position].id or 0) < key:
            yield page[position], None, VANISHED
            position += 1
        if position < len(page) and page[position].id == key:
            yield page[position], *_decoded(value, base64=base64, is_mail=column == "body")
            position += 1
    yield from ((wanted, None, VANISHED) for wanted in page[position:])


def _at_once(source: Snapshot, longest: str, ids: Sequence[Any]) -> int:
    """Return how many rows may be asked for at a time.

    PyMySQL and SQLite stream row by row anyway; on PostgreSQL each time is a round trip, and the length of a
    value is known without reading it.
    """
    if source.dialect != "postgresql":
        return 1
    return max(1, min(PAGE_ROWS, BATCH_BYTES // max(1, int(source.scalar(longest, ids) or 0))))


def _decoded(value: Any, *, base64: bool, is_mail: bool) -> tuple[bytes, str | None]:
    """Return the bytes, and what is wrong with them."""
    if value is None:
        return b"", None
    if not isinstance(value, str):
        return bytes(value), None
    if not base64 or (is_mail and " " in value):
        return value.encode("utf-8", "surrogateescape"), None
    try:
        return _from_base64(value), None
    except binascii.Error as error:
        return value.encode("utf-8", "surrogateescape"), f"its text is no base64, kept as it is: {error}"


def _from_base64(text: str) -> bytes:
    """Decode base64 with line breaks, piece by piece: the text may be long, and each step a copy of it.

    Raises:
        binascii.Error: it is no base64.
    """
    decoded = BytesIO()
    rest = b""
    for start in range(0, len(text), BASE64_PIECE):
        piece = rest + text[start : start + BASE64_PIECE].encode("utf-8", "surrogateescape").translate(None, BLANKS)
        whole = max(len(piece) - 4, 0) // 4 * 4  # the last four stay: only they may end in padding
        if b"=" in piece[:whole]:
            raise binascii.Error("Excess data after padding")
        decoded.write(binascii.a2b_base64(piece[:whole], strict_mode=True))
        rest = piece[whole:]
    decoded.write(binascii.a2b_base64(rest, strict_mode=True))
    return decoded.getvalue()
