"""Reads objects of an Intercom workspace back, one by one, into `raw_intercom`: what came of a load.

A reading is a generation of its own, and what was read is kept batch by batch: one that was killed is gone on with,
apart from what was written to since. Only a reading that is complete is shown, by the views `read_back`,
`read_back_files` and `read_back_targets` of `raw_intercom`.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from extract import generations
from extract.generations import Generation
from extract.intercom import REFERENCES, SCHEMA, Fetch, pages

READBACK = "raw_intercom_readback"
"""Generations of what was read back; the views are in `raw_intercom`."""

PATHS = {
    "conversation": "/conversations/{}",
    "contact": "/contacts/{}",
    "company": "/companies/{}",
    "article": "/articles/{}",
    "collection": "/help_center/collections/{}",
}
"""Objects that are read one by one (Intercom REST 2.16: retrieve a conversation, get a contact, …)."""

LISTS = {
    "tag": "tags",
    "contact_attribute": "contact_attributes",
    "company_attribute": "company_attributes",
    "conversation_attribute": "conversation_attributes",
}
"""Objects that are read by their lists, always all of them."""

EMBEDDED = {"tags": "tags", "companies": "companies"}
"""Lists of which a contact shows ten, the rest at an address of its own (schemas contact_tags, contact_companies)."""

FetchFile = Callable[[str], tuple[str | None, int | None, str | None]]
"""Fetches a file by its address; returns SHA-256, bytes, and why it could not be fetched."""

Written = tuple[str, str, datetime]
"""An object, its key, and when it was written to, naive UTC."""

_Rows = tuple[dict[str, Any], list[dict[str, Any]]]
"""The row of an object, and those of its files."""

_BATCH_ROWS, _BATCH_BYTES, _BATCH_SECONDS = 500, 8 * 1024 * 1024, 10.0
"""A batch is kept when it has so many rows, is so large, or so old: that much a kill may lose."""

_PAGE = 2_000
_AHEAD = 4
"""Requests that wait behind each one under way."""

_TABLES = {
    "about": "workspace_id varchar, started_at timestamp",
    "targets": "object varchar, object_key varchar, intercom_id varchar, is_of_selection boolean",
    "objects": "object varchar, intercom_id varchar, is_found boolean, read_at timestamp, has_files boolean,"
    " data varchar",
    "files": "conversation_id varchar, part_id varchar, position integer, sha256 varchar, size bigint, problem varchar",
}
_OBJECTS = pa.schema(
    [
        ("object", pa.string()),
        ("intercom_id", pa.string()),
        ("is_found", pa.bool_()),
        ("read_at", pa.timestamp("us")),
        ("has_files", pa.bool_()),
        ("data", pa.large_string()),
    ]
)
_FILES = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("part_id", pa.string()),
        ("position", pa.int32()),
        ("sha256", pa.string()),
        ("size", pa.int64()),
        ("problem", pa.string()),
    ]
)


@dataclass(frozen=True)
class ReadBack:
    """A complete reading.

    Attributes:
        generation: its number.
        asked: objects that this run read.
        kept: objects that an earlier run had read, which was killed.
        found: of both, how many Intercom has.
        files: files fetched, by both.
        since: when the oldest of it was read, naive UTC.
        seconds: of this run.
    """

    generation: int
    asked: int
    kept: int
    found: int
    files: int
    since: datetime
    seconds: float


@dataclass
class _Batch:
    """Rows that are written together."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, row: dict[str, Any], files: Sequence[dict[str, Any]]) -> None:
        self.objects.append(row)
        self.files.extend(files)
        self.size += len(row["data"] or "")

    @property
    def is_full(self) -> bool:
        is_old = time.monotonic() - self.since >= _BATCH_SECONDS
        return len(self.objects) >= _BATCH_ROWS or self.size >= _BATCH_BYTES or is_old


def read_back(
    fetch: Fetch,
    warehouse: Path,
    targets: str,
    *,
    workspace_id: str,
    fetch_file: FetchFile | None = None,
    written_since: Callable[[datetime], Iterable[Written]] = lambda _moment: (),
    fresh: bool = False,
    workers: int = 32,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ReadBack:
    """Read objects back, and the lists of tags and attributes; go on with a reading that was killed.

    Args:
        fetch: sends one GET; called from several threads.
        warehouse: the DuckDB file.
        targets: SQL over the warehouse of what to read: object, object_key, intercom_id, is_of_selection. What has
            no id is noted as wanted and not asked for.
        workspace_id: whose objects these are; a reading of another workspace is not gone on with.
        fetch_file: fetches the files of conversations; None leaves them.
        written_since: what was written to since a moment, to be read again.
        fresh: begin anew.
        workers: requests under way at once.
        on_progress: called with objects read and in all.

    Raises:
        duckdb.IOException: another program holds the warehouse. What was read is kept.
    """
    started_at = _now()
    generation = _begin(warehouse, workspace_id, started_at, fresh=fresh)
    place = generation.dataset
    with generations.connect(warehouse) as db:
        db.execute(f"delete from {place}.targets")
        db.execute(f"insert into {place}.targets by name from ({targets})")
    _forget(generation, written_since, with_files=fetch_file is not None)
    kept, total = _counted(generation)
    done = 0
    batch = _Batch()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-back")

    def work(target: tuple[str, str]) -> _Rows:
        return _read(fetch, fetch_file, *target)

    try:
        for row, files in _in_order(pool, work, _wanted(generation), workers * _AHEAD):
            batch.add(row, files)
            done += 1
            if batch.is_full:
                _keep(generation, batch)
                batch = _Batch()
            on_progress(kept + done, total)
    finally:
        pool.shutdown(cancel_futures=True)
        _keep(generation, batch)
    _read_lists(fetch, generation)
    found, fetched, since = _found(generation)
    views = {
        "read_back": f"select object, intercom_id, is_found, read_at, data from {place}.objects",
        "read_back_files": f"from {place}.files",
        "read_back_targets": f"from {place}.targets",
    }
    generations.publish(generation, views, started_at, kept + done, into=SCHEMA)
    seconds = (_now() - started_at).total_seconds()
    return ReadBack(generation.number, done, kept, found, fetched, since or started_at, seconds)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _begin(warehouse: Path, workspace_id: str, now: datetime, *, fresh: bool) -> Generation:
    """The reading that was killed, when it is of this workspace; else a new one."""
    left = None if fresh else generations.unfinished(warehouse, READBACK)
    if left is not None and _workspace_of(left) == workspace_id:
        return left
    generation = generations.start(warehouse, READBACK)
    with generations.connect(warehouse) as db:
        db.execute("begin")
        db.execute(f"create schema {generation.dataset}")
        for name, columns in _TABLES.items():
            db.execute(f"create table {generation.dataset}.{name} ({columns})")
        db.execute(f"insert into {generation.dataset}.about values (?, ?)", [workspace_id, now])
        db.execute("commit")
    return generation


def _workspace_of(generation: Generation) -> str | None:
    with generations.connect(generation.warehouse) as db:
        try:
            row = db.execute(f"select workspace_id from {generation.dataset}.about").fetchone()
        except duckdb.CatalogException:  # a reading by an earlier version of this program
            return None
    return row[0] if row else None


def _forget(
    generation: Generation, written_since: Callable[[datetime], Iterable[Written]], *, with_files: bool
) -> None:
    """Take out of what an earlier run read: what was written to since, and whose files are missing."""
    place = generation.dataset
    with generations.connect(generation.warehouse) as db:
        row = db.execute(f"select min(read_at) from {place}.objects").fetchone()
        if row is None or row[0] is None:
            return
        db.execute("create or replace temp table written (object varchar, object_key varchar, written_at timestamp)")
        written = iter(written_since(row[0]))
        while some := list(islice(written, 10_000)):
            columns = zip(*some, strict=True)
            arrays = [pa.array(values, kind) for values, kind in zip(columns, _WRITTEN, strict=True)]
            _insert(db, "written", pa.table(arrays, names=["object", "object_key", "written_at"]))
        db.execute("begin")
        db.execute(
            f"delete from {place}.objects as o where o.object not in {tuple(PATHS)}"
            " or ($with_files and o.object = 'conversation' and not o.has_files) or exists ("
            f"  select 1 from {place}.targets as t join written as w using (object, object_key)"
            "   where t.object = o.object and t.intercom_id = o.intercom_id and w.written_at >= o.read_at)",
            {"with_files": with_files},
        )
        db.execute(
            f"delete from {place}.files where conversation_id not in"
            f" (select intercom_id from {place}.objects where object = 'conversation')"
        )
        db.execute("commit")


_WRITTEN = (pa.string(), pa.string(), pa.timestamp("us"))


def _counted(generation: Generation) -> tuple[int, int]:
    """How many of the targets were read, and how many there are."""
    place = generation.dataset
    with generations.connect(generation.warehouse) as db:
        row = db.execute(
            f"select count(o.intercom_id), count(*) from (select distinct object, intercom_id from {place}.targets"
            f" where intercom_id is not null) as t left join {place}.objects as o using (object, intercom_id)"
        ).fetchone()
    return row or (0, 0)


def _found(generation: Generation) -> tuple[int, int, datetime | None]:
    """How many objects Intercom has, how many files were fetched, and when the oldest of it was read."""
    place = generation.dataset
    with generations.connect(generation.warehouse) as db:
        row = db.execute(
            f"select count(*) filter (is_found), (select count(sha256) from {place}.files), min(read_at)"
            f" from {place}.objects where object in {tuple(PATHS)}"
        ).fetchone()
    return row or (0, 0, None)


def _wanted(generation: Generation) -> Iterator[tuple[str, str]]:
    """Yield what is still to be read, page by page, so that any number takes the same memory."""
    last = ("", "")
    place = generation.dataset
    while True:
        with generations.connect(generation.warehouse) as db:
            page = db.execute(
                f"select distinct object, intercom_id from {place}.targets as t"
                f" anti join {place}.objects as o using (object, intercom_id)"
                " where intercom_id is not null and (object, intercom_id) > (?, ?) order by all limit ?",
                [*last, _PAGE],
            ).fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[tuple[str, str]], _Rows], targets: Iterable[tuple[str, str]], ahead: int
) -> Iterator[_Rows]:
    under_way: deque[Future[_Rows]] = deque()
    for target in targets:
        under_way.append(pool.submit(work, target))
        if len(under_way) >= ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _read(fetch: Fetch, fetch_file: FetchFile | None, kind: str, intercom_id: str) -> _Rows:
    read_at = _now()
    answer = fetch(PATHS[kind].format(intercom_id), {})
    if kind == "contact" and answer is not None:
        for name, folder in EMBEDDED.items():
            if (answer.get(name) or {}).get("has_more"):
                answer[name]["data"] = list(_all_of(fetch, f"/contacts/{intercom_id}/{folder}", folder))
    files = [] if fetch_file is None or kind != "conversation" else list(_files(fetch_file, intercom_id, answer))
    row = {
        "object": kind,
        "intercom_id": intercom_id,
        "is_found": answer is not None,
        "read_at": read_at,
        "has_files": fetch_file is not None,
        "data": None if answer is None else _text(answer),
    }
    return row, files


def _all_of(fetch: Fetch, path: str, name: str) -> Iterator[Any]:
    """Yield the items of a contact's list: under its name as the schema says, or under `data` as the example does."""
    number = 1
    while True:
        answer = fetch(path, {"page": str(number)} if number > 1 else {}) or {}
        yield from answer.get(name) or answer.get("data") or []
        if number >= int((answer.get("pages") or {}).get("total_pages") or 1):
            return
        number += 1


def _files(fetch_file: FetchFile, conversation_id: str, answer: Any) -> Iterator[dict[str, Any]]:
    for part in ((answer or {}).get("conversation_parts") or {}).get("conversation_parts") or []:
        for position, file in enumerate(part.get("attachments") or []):
            sha256, size, problem = fetch_file(str(file.get("url") or ""))
            yield {
                "conversation_id": conversation_id,
                "part_id": str(part.get("id")),
                "position": position,
                "sha256": sha256,
                "size": size,
                "problem": problem,
            }


def _text(answer: Any) -> str:
    text = json.dumps(answer, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates, which is no character
        return text.encode("utf-8", "replace").decode()
    return text


def _keep(generation: Generation, batch: _Batch) -> None:
    if not batch.objects:
        return
    with generations.connect(generation.warehouse) as db:
        db.execute("begin")
        _insert(db, f"{generation.dataset}.objects", pa.Table.from_pylist(batch.objects, _OBJECTS))
        _insert(db, f"{generation.dataset}.files", pa.Table.from_pylist(batch.files, _FILES))
        db.execute("commit")


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    db.register("incoming", rows)
    db.execute(f"insert into {table} select * from incoming")
    db.unregister("incoming")


def _read_lists(fetch: Fetch, generation: Generation) -> None:
    references: Mapping[str, Any] = {reference.table: reference for reference in REFERENCES}
    batch = _Batch()
    for kind, table in LISTS.items():
        read_at = _now()
        for items in pages(fetch, references[table]):
            for item in items:
                if item.get("id") is None:
                    continue  # one of Intercom's own attributes, such as name and email: nobody loads it
                row = {
                    "object": kind,
                    "intercom_id": str(item["id"]),
                    "is_found": True,
                    "read_at": read_at,
                    "has_files": False,
                    "data": _text(item),
                }
                batch.add(row, [])
    with generations.connect(generation.warehouse) as db:
        db.execute(f"delete from {generation.dataset}.objects where object in {tuple(LISTS)}")
    _keep(generation, batch)
