"""Things that go wrong on demand: by rule, or by a die that falls the same way each time it is seeded so."""

import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

_NUMBER = r"\d+(\.\d+)?"
_ACTION = re.compile(
    rf"status:[45]\d\d(:bare)?|drop|hold|kill:\d+|delay:{_NUMBER}|trickle:{_NUMBER}|truncate|half_json|not_json|cut_sending"
)
_MOMENTS = ("before", "after_commit")

Moment = Literal["sending", "before", "after_commit"]
"""Where in a request's life a fault strikes; `sending` is `cut_sending`'s own, while the body still arrives."""


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
        do: one of

            - `status:503` answers that; `status:429:bare` does so without the headers of the rate limit
            - `drop` closes the connection without an answer; `hold` never answers
            - `truncate` promises the whole answer, sends half of it and closes the connection
            - `half_json` answers completely, with half of the JSON; `not_json` answers 200 with a page of HTML
            - `cut_sending` closes the connection while the request's body is arriving: only `before`, and
              before it is counted for the rate limit
            - `delay:2.5` answers so many seconds later; `trickle:2.5` answers in pieces over so many seconds
            - `kill:<pid>` sends SIGKILL to that process, then closes the connection
            - a callable (in-process tests) is called in a thread of its own with a `Seen`, and what it
              returns, if anything, is done next; it cannot return `cut_sending`.
        times: for how many matching requests in a row.
        every: in place of `nth` and `times`: each so-manieth matching request.

    Raises:
        ValueError: for a rule that could never strike, or that Intercom could never follow.
    """

    method: str
    path: str
    nth: int = 1
    when: Literal["before", "after_commit"] = "before"
    do: str | Callable[[Seen], str | None] = "drop"
    times: int = 1
    every: int | None = None

    def __post_init__(self) -> None:
        if self.when not in _MOMENTS:
            raise ValueError(f"fault on {self.path}: 'when' is {self.when!r}; use one of {', '.join(_MOMENTS)}")
        if isinstance(self.do, str) and not _ACTION.fullmatch(self.do):
            raise ValueError(
                f"fault on {self.path}: 'do' is {self.do!r}; use status:<code>, status:<code>:bare, drop, hold,"
                " truncate, half_json, not_json, cut_sending, delay:<seconds>, trickle:<seconds> or kill:<pid>"
            )
        if (
            self.when == "after_commit"
            and isinstance(self.do, str)
            and self.do.startswith(("cut_sending", "status:429"))
        ):
            raise ValueError(
                f"fault on {self.path}: {self.do} cannot come after the commit, since it means that nothing was done"
            )
        if self.nth < 1 or self.times < 1:
            raise ValueError(f"fault on {self.path}: 'nth' and 'times' count from 1")
        if self.every is not None and (self.every < 1 or (self.nth, self.times) != (1, 1)):
            raise ValueError(f"fault on {self.path}: 'every' counts from 1 and stands in place of 'nth' and 'times'")
        re.compile(self.path)

    @property
    def moment(self) -> Moment:
        """Where in a request's life it strikes."""
        return "sending" if self.do == "cut_sending" else self.when

    def matches(self, request: Seen) -> bool:
        """Whether this request is one of those that the rule counts."""
        if self.method not in {"*", request.method}:
            return False
        return self.path == request.template or re.fullmatch(self.path, request.path) is not None

    def strikes(self, number: int) -> bool:
        """Whether the matching request of this number, from 1, meets it."""
        if self.every is not None:
            return number % self.every == 0
        return self.nth <= number < self.nth + self.times


def _by_chance() -> tuple[Fault, ...]:
    """What the die has on its sides: all that ends by itself within moments, before and after the commit."""
    either = "status:500 status:502 status:503 status:504 drop truncate half_json not_json delay:0.01 trickle:0.01"
    before = "status:408 status:429 status:429:bare cut_sending"
    return (
        *(Fault("*", ".*", when="before", do=do) for do in f"{either} {before}".split()),
        *(Fault("*", ".*", when="after_commit", do=do) for do in either.split()),
    )


BY_CHANCE = _by_chance()
"""The faults that `fault_rate` draws from, each as likely as the next."""


class FaultBoard:
    """The faults that are set now and how often each has matched. Used from the server's one thread only.

    Args:
        faults: the rules.
        rate: share of all requests, from 0 to 1, that meet a fault by chance.
        seed: of the chance. The order in which requests arrive decides which of them it strikes.
    """

    def __init__(self, faults: Iterable[Fault] = (), rate: float = 0.0, seed: int = 0) -> None:
        self._set: list[tuple[Fault, int]] = [(fault, 0) for fault in faults]
        self.let_chance(rate, seed)

    def add(self, fault: Fault) -> None:
        """Sets one more fault; its count starts now."""
        self._set.append((fault, 0))

    def let_chance(self, rate: float, seed: int) -> None:
        """Lets chance strike that share of all requests from now on.

        Raises:
            ValueError: the share is not one.
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"the fault rate is {rate}; it is a share, from 0 to 1")
        self._rate = rate
        self._chance = random.Random(seed)  # noqa: S311 - protects nothing, and has to be repeatable

    def clear(self) -> None:
        """Removes all faults, those by chance as well."""
        self._set = []
        self._rate = 0.0

    def draw(self) -> Fault | None:
        """The fault that one more request meets by chance, if any; to be given to `due`."""
        if not self._rate or self._chance.random() >= self._rate:
            return None
        return self._chance.choice(BY_CHANCE)

    def due(self, moment: Moment, request: Seen, drawn: Fault | None = None) -> Fault | None:
        """Counts the request and answers with the first fault that strikes it at this moment; rules before chance."""
        struck = None
        for position, (fault, count) in enumerate(self._set):
            if fault.moment != moment or not fault.matches(request):
                continue
            self._set[position] = (fault, count + 1)
            if struck is None and fault.strikes(count + 1):
                struck = fault
        if struck is None and drawn is not None and drawn.moment == moment:
            return drawn
        return struck

    def state(self) -> list[dict[str, Any]]:
        """The rules with `seen`, the number of matching requests so far."""
        return [
            {
                **asdict(replace(fault, do=describe(fault))),
                "seen": count,
                "fired": count >= (fault.every or fault.nth),
            }
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
