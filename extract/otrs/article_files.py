"""Files of articles that OTRS keeps on disk (ArticleStorageFS), listed beside the rows of the database.

They lie in `<article_dir>/<content_path>/<article_id>/<filename>`. What OTRS knows of a file stands in side
files: `<filename>.content_type`, `.content_id`, `.content_alternative`, `.disposition`. `plain.txt` is the raw
mail. `content_path` is taken from the article's row, never worked out from a date: OTRS fixes it once per
process. Only the list is made here; the bytes follow later (`extract.otrs.contents`), by `read_contents`.

The folder is written by a system whose data come from anybody's mails. So nothing is followed out of it: each
step down is opened by name, relative to the one before and without following links; `..` and absolute paths
are refused. What is refused, hidden or unknown to the database is reported and never read.

Expected, and a row with a reason when it is not there:

- the file that a side file belongs to;
- the raw mail of a mail that OTRS sent itself (`extract.otrs.storage`): it always keeps one. A received mail
  says nothing of the kind: an article made by a web service looks the same and has none.

An article without files has no folder, so a missing folder as such means nothing.
"""

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from extract.errors import SettingsError
from extract.otrs.batches import Rejected
from extract.otrs.snapshot import Snapshot
from extract.otrs.storage import SENT, count_sent_mails

SCHEMA = pa.schema(
    [
        ("article_id", pa.int64()),
        ("content_path", pa.string()),
        ("file_key", pa.string()),
        ("filename", pa.string()),
        ("content_type", pa.string()),
        ("content_id", pa.string()),
        ("content_alternative", pa.string()),
        ("disposition", pa.string()),
        ("size", pa.int64()),
        ("modified_at", pa.timestamp("us")),
        ("is_plain_mail", pa.bool_()),
        ("missing_reason", pa.string()),
    ]
)
"""Columns of `raw_otrs.article_files`; `ArticleFile` describes them."""

TABLE = "article_files"
PLAIN_MAIL = "plain.txt"
SIDE_FILES = ("content_type", "content_id", "content_alternative", "disposition")
SIDE_FILE_BYTES = 64 * 1024
"""A side file holds one header; a longer one is none."""

BATCH_ROWS = 5_000
ARTICLES_AT_ONCE = 1_000
NAMES_SHOWN = 5

NO_RAW_MAIL = "OTRS sent this mail, but its raw text is neither in the database nor on disk"
NO_MAIN_FILE = "only its side files are there"
VANISHED = "deleted from disk while it was read"
LINK = (
    "a symbolic link, which is not followed; mount the folder there instead (mount --bind), "
    "or let OTRS__ARTICLE_DIR name a copy without links"
)

_TYPE_LINE = re.compile(rb"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+[ \t]*(;[^\r\n]*)?\r?\n")


@dataclass(frozen=True)
class ArticleFile:
    """One file on disk, or one that should be there.

    Attributes:
        article_id: the article.
        content_path: folder of the article's day, as the database names it.
        file_key: `otrs:article_file:<article_id>:<16 hex digits of the name's sha256>`.
        filename: the name; bytes that are no UTF-8 are replaced by U+FFFD. Null: the article's folder itself
            could not be read.
        content_type: MIME type with parameters.
        content_id: with angle brackets.
        content_alternative: `1` = another form of the same message.
        disposition: `inline` or `attachment`; OTRS works it out where it is null.
        size: bytes of the content.
        modified_at: naive UTC.
        is_plain_mail: it is the raw mail, no attachment.
        missing_reason: why there is no content, null where there is.
    """

    article_id: int
    content_path: str
    file_key: str
    filename: str | None
    content_type: str | None = None
    content_id: str | None = None
    content_alternative: str | None = None
    disposition: str | None = None
    size: int | None = None
    modified_at: datetime | None = None
    is_plain_mail: bool = False
    missing_reason: str | None = None


@dataclass(frozen=True)
class ArticleFilesSurvey:
    """What is on disk and what is not.

    Attributes:
        files: attachments and raw mails that are there.
        bytes: their size.
        missing: files that are expected, but not there or not readable.
        orphans: files, side files included, of articles that the database does not have; they are not read.
        by_reason: how many files are missing, and how many names were refused or look odd, by reason.
    """

    files: int
    bytes: int
    missing: int
    orphans: int
    by_reason: Mapping[str, int]


def read_article_files(snapshot: Snapshot, article_dir: Path, reject: Callable[[Rejected], None]) -> Iterator[pa.Table]:
    """Yield the files of all articles: by article, and within it in the order in which OTRS shows them.

    Memory grows with the articles of one `content_path` (a day) and the files of one article.

    Args:
        snapshot: the open snapshot, which knows the articles.
        article_dir: the folder that OTRS calls ArticleDataDir, usually `var/article` of its home.
        reject: receives what was refused or looks odd, with its place.

    Yields:
        Tables of `SCHEMA`, at least one.

    Raises:
        SettingsError: there is no such folder, it cannot be read, or none of the articles' folders is in it.
        SourceError: the database failed.
    """
    files = _files(snapshot, article_dir, lambda rejected, _files: reject(rejected))
    fields = attrgetter(*SCHEMA.names)
    empty = True
    while rows := [fields(file) for file in islice(files, BATCH_ROWS)]:
        empty = False
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        yield pa.Table.from_arrays(arrays, schema=SCHEMA)
    if empty:
        yield SCHEMA.empty_table()


def survey(snapshot: Snapshot, article_dir: Path | None) -> ArticleFilesSurvey:
    """Count what is on disk and what is not. Every file is looked at, none of the contents is read.

    Args:
        snapshot: the open snapshot.
        article_dir: as for `read_article_files`; None counts the raw mails that the database does not have.

    Raises:
        SettingsError: as for `read_article_files`.
        SourceError: the database failed.
    """
    if article_dir is None:
        missing = count_sent_mails(snapshot).elsewhere
        return ArticleFilesSurvey(0, 0, missing, 0, {NO_RAW_MAIL: missing} if missing else {})
    reasons: Counter[str] = Counter()
    orphans: list[int] = []

    def reject(rejected: Rejected, unknown_files: int) -> None:
        if unknown_files:
            orphans.append(unknown_files)
        else:
            reasons[rejected.reason] += 1

    files = size = missing = 0
    for file in _files(snapshot, article_dir, reject):
        if file.missing_reason is None:
            files += 1
            size += file.size or 0
        else:
            missing += 1
            if file.missing_reason in {NO_RAW_MAIL, NO_MAIN_FILE}:  # the others were reported with their place
                reasons[file.missing_reason] += 1
    return ArticleFilesSurvey(files, size, missing, sum(orphans), dict(reasons))


def read_contents(
    article_dir: Path, content_path: str, article_id: int, file_keys: Sequence[str]
) -> Iterator[tuple[bytes | None, str | None]]:
    """Yield each file's bytes, or None and the reason why there are none, in the order asked for.

    Args:
        article_dir: as for `read_article_files`.
        content_path: of the article.
        article_id: the article.
        file_keys: keys of files of this article.

    Raises:
        SettingsError: `article_dir` cannot be read.
    """
    left = iter(file_keys)
    try:
        with _root(article_dir) as root, _folder(root, [*_parts(content_path), str(article_id)]) as folder:
            names = {entry.name for entry in _listed(folder)}
            by_key = {_file_key(article_id, name): name for name in names}
            for key in left:
                yield _content(folder, by_key[key], names) if key in by_key else (None, VANISHED)
    except FileNotFoundError:
        yield from ((None, VANISHED) for _ in left)
    except OSError as error:
        reason = _why(error)
        yield from ((None, reason) for _ in left)


def _content(folder: int, name: str, names: Collection[str]) -> tuple[bytes | None, str | None]:
    try:
        with _opened(folder, name) as file:
            file.seek(len(_type_line(file, name, names)))
            return file.read(), None
    except OSError as error:
        return None, _why(error)


# The articles that the database knows


@dataclass(frozen=True)
class _Article:
    id: int
    content_path: str
    is_mail_expected: bool


def _articles(snapshot: Snapshot) -> Generator[_Article, None, None]:
    """Yield every article that may have files, all of a `content_path` together."""
    new = "article_data_mime" in snapshot.tables
    table, key = ("article_data_mime", "article_id") if new else ("article", "id")
    plain = "article_data_mime_plain" if new else "article_plain"
    path = "cast(mime.content_path as binary)" if snapshot.dialect == "mysql" else "mime.content_path"
    expected, joins = "0", ""
    if {plain, "ticket_history", "ticket_history_type"} <= set(snapshot.tables):
        types = ", ".join(f"'{name}'" for name in SENT)
        expected = "case when sent.article_id is not null and plain.article_id is null then 1 else 0 end"
        joins = (
            " left join (select distinct history.article_id from ticket_history as history"
            " join ticket_history_type as type on history.history_type_id = type.id"
            f" where type.name in ({types}) and history.article_id is not null) as sent on sent.article_id = mime.{key}"
            f" left join {plain} as plain on plain.article_id = mime.{key}"
        )
    sql = f"select mime.{key}, mime.content_path, {expected} from {table} as mime{joins} order by {path}, mime.{key}"
    last: tuple[int, str] | None = None
    for article_id, content_path, is_mail_expected in snapshot.rows(sql, at_once=ARTICLES_AT_ONCE):
        known = (int(article_id), _text(content_path))
        if known != last:  # it comes twice when it has two raw mails
            yield _Article(*known, bool(is_mail_expected))
        last = known


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value or ""


# From the root down to the files


_Reject = Callable[[Rejected, int], None]
"""Takes what was refused, and how many files of no known article that means."""

_Odd = Callable[[str, str], None]
"""Takes the name of a file in an article's folder, and what is odd about it."""


def _files(snapshot: Snapshot, article_dir: Path, reject: _Reject) -> Iterator[ArticleFile]:
    known: dict[str, bool] = {}
    at_root: set[str] = set()
    with _root(article_dir) as root, closing(_articles(snapshot)) as articles:
        for content_path, group in groupby(articles, key=lambda article: article.content_path):
            left = iter(group)  # whoever comes last takes what the others have not
            try:
                parts = _parts(content_path)
                known["/".join(parts)] = False
                with _folder(root, parts) as folder:
                    known["/".join(parts)] = True
                    yield from _files_of_path(folder, "/".join(parts), left, at_root, reject)
            except FileNotFoundError:
                pass  # none of these articles has files
            except OSError as error:
                reject(_rejected(content_path, "content_path", _why(error)), 0)
            yield from (_no_raw_mail(article) for article in left if article.is_mail_expected)
        if known and not any(known.values()):
            raise SettingsError(
                f"OTRS__ARTICLE_DIR is {article_dir}, but none of the {len(known):,} folders that articles name is in "
                "it. It must be the folder that OTRS calls ArticleDataDir, usually var/article of its home, where the "
                "years lie. Nothing was changed in the warehouse."
            )
        _report_unknown(root, known, at_root, reject)


def _files_of_path(
    folder: int, place: str, articles: Iterable[_Article], at_root: set[str], reject: _Reject
) -> Iterator[ArticleFile]:
    """Yield the files of all articles of one `content_path`, whose folder is listed once for all of them."""
    present = {entry.name for entry in _listed(folder) if entry.name.isdecimal()}
    for article in articles:
        if str(article.id) in present:
            present.discard(str(article.id))
            if not place:
                at_root.add(str(article.id))
            yield from _files_of_article(folder, article, reject)
        elif article.is_mail_expected:
            yield _no_raw_mail(article)
    counts = {name: _count_files(folder, name) for name in sorted(present, key=int)} if place else {}  # else: the years
    counts = {name: files for name, files in counts.items() if files}
    if counts:
        total = sum(counts.values())
        shown = ", ".join(islice(counts, NAMES_SHOWN)) + (", ..." if len(counts) > NAMES_SHOWN else "")
        reason = f"{total} files of {len(counts)} articles that the database does not have there ({shown}); not read"
        reject(_rejected(place, "article_id", reason), total)


def _files_of_article(parent: int, article: _Article, reject: _Reject) -> Iterator[ArticleFile]:
    def odd(name: str, reason: str) -> None:
        reject(_rejected(f"{article.content_path}/{article.id}/{name}".rstrip("/"), "filename", reason), 0)

    try:
        with _folder(parent, [str(article.id)]) as folder:
            entries = {entry.name: entry for entry in _listed(folder)}
            mains: set[str] = set()
            sides: dict[str, dict[str, str | None]] = {}
            for name, entry in entries.items():
                base, kind = _side_of(name, entries)
                if kind:
                    sides.setdefault(base, {})[kind] = _side_file(folder, name, odd)
                elif _is_shown(entry, entries, article, odd):
                    mains.add(name)
            for name in sorted(mains | sides.keys(), key=os.fsencode):
                yield _described(folder, article, name, entries, sides.get(name, {}), odd)
            if article.is_mail_expected and PLAIN_MAIL not in entries:
                yield _no_raw_mail(article)
    except OSError as error:
        odd("", _why(error))
        yield _missing(article, "", _why(error))


def _side_of(name: str, names: Collection[str]) -> tuple[str, str]:
    """Return the file that this one describes, and what it says of it; two empty texts for a file of its own.

    OTRS takes each name with such an ending for a side file and never shows it, also where a customer really
    sent `report.disposition`. That one is told by having a `.content_type` itself, as every file has.
    """
    base, _, kind = name.rpartition(".")
    is_side = base and kind in SIDE_FILES and f"{name}.content_type" not in names
    return (base, kind) if is_side else ("", "")


def _is_shown(entry: os.DirEntry[str], names: Collection[str], article: _Article, odd: _Odd) -> bool:
    """Say whether OTRS would show it; a hidden file that has side files is a customer's, and is read all the same."""
    if entry.is_dir(follow_symlinks=False):
        if _parts(article.content_path):  # without one, what looks like the article's folder may be a year's
            odd(entry.name, "a folder inside an article's folder; not read")
        return False
    if entry.name.startswith(".") and f"{entry.name}.content_type" not in names:
        odd(entry.name, "a hidden file that OTRS does not know; not read")
        return False
    return True


def _described(
    folder: int, article: _Article, name: str, names: Collection[str], sides: Mapping[str, str | None], odd: _Odd
) -> ArticleFile:
    if name not in names:
        return _missing(article, name, NO_MAIN_FILE)
    if os.fsencode(_shown(name)) != os.fsencode(name):
        odd(name, "the name is no UTF-8; what is wrong in it is replaced by U+FFFD")
    if name == PLAIN_MAIL and sides:
        odd(name, "an attachment and the raw mail have the same name; one of them has overwritten the other")
    try:
        with _opened(folder, name) as file:
            state = os.fstat(file.fileno())
            type_line = _type_line(file, name, names)
    except OSError as error:
        odd(name, _why(error))
        return _missing(article, name, _why(error))
    content_type = type_line.decode("utf-8", "replace").strip() or sides.get("content_type")
    if not content_type and name != PLAIN_MAIL:
        odd(name, "it has no content type")
    return ArticleFile(
        article_id=article.id,
        content_path=_shown(article.content_path),
        file_key=_file_key(article.id, name),
        filename=_shown(name),
        content_type=content_type or None,
        content_id=sides.get("content_id") or None,
        content_alternative=sides.get("content_alternative") or None,
        disposition=sides.get("disposition") or None,
        size=state.st_size - len(type_line),
        modified_at=datetime(1970, 1, 1) + timedelta(microseconds=state.st_mtime_ns // 1000),  # noqa: DTZ001 - naive UTC
        is_plain_mail=name == PLAIN_MAIL,
    )


def _type_line(file: BinaryIO, name: str, names: Collection[str]) -> bytes:
    """Return the first line of a file without a `.content_type` if it is one: so the oldest OTRS kept it."""
    if name == PLAIN_MAIL or (f"{name}.content_type" in names and f"{name}.content_type.content_type" not in names):
        return b""
    match = _TYPE_LINE.match(file.read(SIDE_FILE_BYTES))
    return match.group() if match else b""


def _side_file(folder: int, name: str, odd: _Odd) -> str | None:
    try:
        with _opened(folder, name) as file:
            data = file.read(SIDE_FILE_BYTES + 1)
    except OSError as error:
        odd(name, _why(error))
        return None
    if len(data) > SIDE_FILE_BYTES:
        odd(name, f"a side file of more than {SIDE_FILE_BYTES:,} bytes; not read")
        return None
    text = data.decode("utf-8", "replace")
    if text.encode() != data:
        odd(name, "not UTF-8; what is wrong in it is replaced by U+FFFD")
    return text.rstrip("\r\n")


def _no_raw_mail(article: _Article) -> ArticleFile:
    return _missing(article, PLAIN_MAIL, NO_RAW_MAIL)


def _missing(article: _Article, name: str, reason: str) -> ArticleFile:
    return ArticleFile(
        article_id=article.id,
        content_path=_shown(article.content_path),
        file_key=_file_key(article.id, name),
        filename=_shown(name) or None,
        is_plain_mail=name == PLAIN_MAIL,
        missing_reason=reason,
    )


# What no article of the database names


def _report_unknown(root: int, known: Collection[str], at_root: Collection[str], reject: _Reject) -> None:
    """Report files outside the known `content_path`s, at the topmost folder that no article names."""
    named = {"/".join(path.split("/")[:depth]) for path in known for depth in range(1, path.count("/") + 2)}
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            with _folder(root, _parts(place)) as folder:
                loose = 0
                for entry in sorted(_listed(folder), key=lambda entry: entry.name):
                    path = f"{place}/{entry.name}".lstrip("/")
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if path in named:
                        waiting += [path] if is_folder else []  # a link was reported with its articles
                    elif path in at_root or (place and place in known and entry.name.isdecimal()):
                        pass  # an article, known or reported
                    elif not is_folder:
                        loose += 1
                    elif files := _count_files(folder, entry.name):
                        reason = f"{files} files in a folder that no article of the database names; not read"
                        reject(_rejected(path, "content_path", reason), files)
                if loose:
                    reason = f"{loose} files beside the articles' folders; not read"
                    reject(_rejected(place or ".", "content_path", reason), loose)
        except OSError as error:
            if place not in known:  # else reported with its articles
                reject(_rejected(place, "content_path", _why(error)), 0)


def _count_files(parent: int, name: str) -> int:
    if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        return 1
    return sum(len(files) for _, _, files, _ in os.fwalk(name, dir_fd=parent))


# Opening, without a way out


@contextmanager
def _root(article_dir: Path) -> Iterator[int]:
    try:
        descriptor = os.open(article_dir, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SettingsError(
            f"OTRS__ARTICLE_DIR is {article_dir}, which cannot be read: {error.strerror}. It must be the folder that "
            "OTRS calls ArticleDataDir, usually var/article of its home. Nothing was changed in the warehouse."
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _parts(content_path: str) -> list[str]:
    """Return the folders of a path.

    Raises:
        PermissionError: the path leads out of the folder.
    """
    parts = content_path.split("/")
    if content_path.startswith("/") or ".." in parts or "\0" in content_path:
        raise PermissionError(0, "a path that leads out of the folder; not read")
    return [part for part in parts if part not in {"", "."}]


@contextmanager
def _folder(parent: int, parts: Sequence[str]) -> Iterator[int]:
    """Open a folder below another one, step by step, following no link."""
    descriptor = os.dup(parent)
    try:
        for part in parts:
            try:
                step = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            except NotADirectoryError:
                _refuse_link(part, descriptor)
                raise
            os.close(descriptor)
            descriptor = step
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _opened(folder: int, name: str) -> Iterator[BinaryIO]:
    """Open a regular file of a folder, following no link and never waiting for a pipe."""
    _refuse_link(name, folder)
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PermissionError(0, "not a regular file; not read")
        yield file


def _refuse_link(name: str, folder: int) -> None:
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise PermissionError(0, LINK)


def _listed(folder: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _file_key(article_id: int, name: str) -> str:
    return f"otrs:article_file:{article_id}:{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _rejected(key: str, column: str, reason: str) -> Rejected:
    return Rejected(TABLE, _shown(key), column, reason)
