"""Things that go wrong on demand, by rule and never by chance, so that a rehearsal can be repeated."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

_ACTION = re.compile(r"status:[45]\d\d|drop|hold|kill:\d+|delay:\d+(\.\d+)?")
_MOMENTS = ("before", "after_commit")


@dataclass(frozen=True)
class Seen:
    """The request at which a fault strikes, as given to a callable fault."""

    method: str
    path: str
    template: str


@dataclass(frozen=True)
class Fault:
    r"""One rule: the nth matching request meets this.

    Attributes:
        method: GET, POST, PUT, DELETE or `*`.
        path: regular expression for the whole path, or a path as the description writes it
            (`/conversations/{conversation_id}/reply`).
        nth: counted from 1 among the matching requests since the fault was set.
        when: `before` anything is looked at (every request within the rate limit counts) or `after_commit`,
            when the write is durable and the client does not know it yet (only accepted requests count).
        do: `status:503` answers that; `drop` closes the connection without an answer; `hold` never answers;
            `delay:2.5` answers so many seconds later; `kill:<pid>` sends SIGKILL to that process, then closes
            the connection; a callable (in-process tests) is called in a thread of its own with a `Seen`, and
            what it returns, if anything, is done next.
        times: for how many matching requests in a row.

    Raises:
        ValueError: for a rule that could never strike.
    """

    method: str
    path: str
    nth: int = 1
    when: Literal["before", "after_commit"] = "before"
    do: str | Callable[[Seen], str | None] = "drop"
    times: int = 1

    def __post_init__(self) -> None:
        if self.when not in _MOMENTS:
            raise ValueError(f"fault on {self.path}: 'when' is {self.when!r}; use one of {', '.join(_MOMENTS)}")
        if isinstance(self.do, str) and not _ACTION.fullmatch(self.do):
            raise ValueError(
                f"fault on {self.path}: 'do' is {self.do!r}; use status:<code>, drop, hold, delay:<seconds>"
                " or kill:<pid>"
            )
        if self.nth < 1 or self.times < 1:
            raise ValueError(f"fault on {self.path}: 'nth' and 'times' count from 1")
        re.compile(self.path)

    def matches(self, request: Seen) -> bool:
        """Whether this request is one of those that the rule counts."""
        if self.method not in {"*", request.method}:
            return False
        return self.path == request.template or re.fullmatch(self.path, request.path) is not None


class FaultBoard:
    """The faults that are set now and how often each has matched. Used from the server's one thread only."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._set: list[tuple[Fault, int]] = [(fault, 0) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Sets one more fault; its count starts now."""
        self._set.append((fault, 0))

    def clear(self) -> None:
        """Removes all faults."""
        self._set = []

    def due(self, when: str, request: Seen) -> Fault | None:
        """Counts the request and answers with the first fault that strikes it."""
        struck = None
        for position, (fault, count) in enumerate(self._set):
            if fault.when != when or not fault.matches(request):
                continue
            self._set[position] = (fault, count + 1)
            if struck is None and fault.nth <= count + 1 < fault.nth + fault.times:
                struck = fault
        return struck

    def state(self) -> list[dict[str, Any]]:
        """The rules with `seen`, the number of matching requests so far."""
        return [
            {**asdict(replace(fault, do=describe(fault))), "seen": count, "fired": count >= fault.nth}
            for fault, count in self._set
        ]


def describe(fault: Fault) -> str:
    """The fault's action in a word, for logs: a callable has none."""
    return fault.do if isinstance(fault.do, str) else "delay:0"


def faults_from_json(text: str | Path) -> tuple[Fault, ...]:
    """Reads faults for the command line: a JSON list of objects with `Fault`'s fields, or the path of such.

    Raises:
        ValueError: the text is no such list; the message says which item.
    """
    content = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
    items = json.loads(content)
    return faults_from_items(items if isinstance(items, list) else [items])


def faults_from_items(items: Sequence[Any]) -> tuple[Fault, ...]:
    """Makes faults of parsed JSON objects.

    Raises:
        ValueError: an item is no fault.
    """
    faults = []
    for number, item in enumerate(items, start=1):
        try:
            faults.append(Fault(**item))
        except (TypeError, re.error) as error:
            raise ValueError(f"fault {number} of {len(items)}: {error}") from error
    return tuple(faults)
