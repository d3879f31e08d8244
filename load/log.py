"""What happened, one JSON line each, in a file beside the ledger: to find out afterwards why.

Only the fields of `Fields` get in: ids, keys, counts, codes. A text of Intercom's, a body, a header, a token or a
query has no field, so none of them can be written by mistake; whatever looks like an address is cut out of
the rest.

A line names the run and, as far as it is about one, the request's slot, kind and attempt:

    {"at": "2026-01-31T02:14:05.123Z", "event": "answer", "run": "5f0c…", "phase": 5, "kind": "conversation.reply",
     "slot": "conversation/…/part/…", "attempt": 1, "method": "POST", "path": "/conversations/77/reply",
     "status": 200, "request_id": "…", "seconds": 0.081}
"""

import json
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack

from load.masking import MASK, without_addresses

FILE_BYTES = 64 * 1024 * 1024
OLD_FILES = 8
"""So the log takes at most 576 MB: some two million lines."""

_LISTENERS: list[Callable[[str], None]] = []
"""Python's logging took a tenth of the time of a request for a line, and any program may send its records elsewhere."""

_LONGEST = 200
_PART_OF_A_PATH = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BEFORE_A_VALUE = "find_by_external_id"

SPEAKING = (AttributeError, ImportError, NameError, TypeError)
"""Exceptions whose message names parts of the program, never a value that passes through it."""


class Fields(TypedDict, total=False):
    """What a line may hold, apart from `at` and `event`; nothing else is written.

    Attributes:
        run: id of the run.
        phase: number of the phase.
        kind: of the request.
        slot: of the request; the first one where a call settles several.
        attempt: at this request, from 1.
        intent: number of the ledger's intent.
        method: of HTTP.
        path: below the base address, without the query.
        status: of the answer.
        request_id: Intercom's id of the request, for its support.
        seconds: how long it took.
        outcome: what came of it.
        reason: why, in a word.
        code: Intercom's error code, or a word of ours.
        error: type of an exception.
        trace: places in the program that an exception passed through, without its message.
        state: of a run.
        number: how many.
    """

    run: str
    phase: int
    kind: str
    slot: str
    attempt: int
    intent: int
    method: str
    path: str
    status: int
    request_id: str | None
    seconds: float
    outcome: str
    reason: str
    code: str
    error: str
    trace: str
    state: str
    number: int


_FIELDS = tuple(Fields.__annotations__)
_about: ContextVar[Fields] = ContextVar("about")


def event(name: str, **fields: Unpack[Fields]) -> None:
    """Write a line, if anybody listens.

    Args:
        name: what happened.
        fields: see `Fields`; those that `about` told are added.
    """
    if _LISTENERS:
        line = _line(name, {**_about.get({}), **fields})
        for listen in _LISTENERS:
            listen(line)


@contextmanager
def about(**fields: Unpack[Fields]) -> Iterator[None]:
    """Tell what the lines of this thread are about, as long as the block lasts.

    Args:
        fields: see `Fields`; an inner block adds to an outer one.
    """
    token = _about.set({**_about.get({}), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def again() -> None:
    """Count one more attempt at the request that this thread's lines are about."""
    present = _about.get({})
    if "attempt" in present:
        present["attempt"] += 1


@contextmanager
def writing(path: Path, *, verbose: bool = False) -> Iterator[None]:
    """Write the log as long as the block lasts.

    Args:
        path: the file; it is made, added to, and set aside as `<path>.1` … when it is full.
        verbose: write the lines to stderr, too.
    """
    file = _File(path)
    listeners = [file.write, *([_show] if verbose else [])]
    _LISTENERS.extend(listeners)
    try:
        yield
    finally:
        for listener in listeners:
            _LISTENERS.remove(listener)
        file.close()


def trace_of(error: BaseException) -> str:
    """Return where an exception came from, as Python shows it, without what may hold a value.

    A message of a library quotes the row or the address that it could not take. So a message is shown of
    `SPEAKING` exceptions alone; of others the type and the places are.
    """
    lines: list[str] = []
    present: BaseException | None = error
    while present is not None:
        said = f": {present}" if isinstance(present, SPEAKING) else ""
        places = [
            f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(present.__traceback__, limit=None)
        ]
        lines = [*places, f"{type(present).__module__}.{type(present).__qualname__}{said}", *lines]
        present = present.__cause__ or (None if present.__suppress_context__ else present.__context__)
        if present is not None:
            lines.insert(0, "then:")
    return "\n".join(lines)


class _File:
    """A file that the load does not depend on: when it cannot be written, this is said once.

    Each line is handed to the system at once, so that a kill loses none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._complained = False

    def write(self, line: str) -> None:
        content = line.encode(errors="replace")
        with self._lock:
            try:
                if self._file is not None and self._size + len(content) > FILE_BYTES:
                    self._set_aside()
                if self._file is None:
                    self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
                    self._size = os.fstat(self._file).st_size
                self._size += os.write(self._file, content)
            except OSError as error:
                if not self._complained:
                    self._complained = True
                    _show(f"The log {self._path} cannot be written ({error.strerror}); the run goes on.\n")

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _set_aside(self) -> None:
        self._close()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, OLD_FILES + 1))]
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            if newer.exists():
                newer.replace(older)


def _show(line: str) -> None:
    sys.stderr.write(line)


def _line(name: str, given: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"at": at, "event": name}
    line.update({name: _clean(name, given[name]) for name in _FIELDS if given.get(name) is not None})
    return json.dumps(line, ensure_ascii=False) + "\n"


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 4)
    if name == "path":
        return _path(str(value))
    if name == "trace":
        return str(value)
    return without_addresses(str(value))[:_LONGEST]


def _path(path: str) -> str:
    """A path with its ids, but without a query and without what a person chose."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    for place, part in enumerate(parts):
        if part and (not _PART_OF_A_PATH.fullmatch(part) or parts[place - 1] == _BEFORE_A_VALUE):
            parts[place] = MASK
    return "/".join(parts)


def _short(filename: str) -> str:
    """A file of the program by its last parts: where it is installed may name a person."""
    return "/".join(Path(filename).parts[-3:])
