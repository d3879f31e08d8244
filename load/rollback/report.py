"""What a rollback would do and what it did, for the command line and for scripts."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from load.publish import Published
from load.rollback.owned import Action, Selection


@dataclass(frozen=True)
class Count:
    """How many slots of a kind meet what."""

    phase: int
    kind: str
    action: Action
    number: int


@dataclass(frozen=True)
class Outlook:
    """What a rollback would do.

    Attributes:
        selection: what was asked for.
        counts: per kind, in the order of taking back.
        writes: calls that change something, at most: what a person has changed is kept.
        reads: calls that look and prove.
        unresolved: calls without answer; those that made something are finished first.
        requests_per_window: the workspace's limit as it was last seen.
    """

    selection: Selection
    counts: tuple[Count, ...]
    writes: int
    reads: int
    unresolved: int
    requests_per_window: int | None

    def seconds(self, requests_per_window: int) -> float:
        """The time that the limit allows at best."""
        return (self.writes + self.reads) / requests_per_window * 10

    @property
    def announced(self) -> dict[str, dict[str, int]]:
        """Writes by phase and kind, as a run announces them."""
        announced: dict[str, dict[str, int]] = defaultdict(dict)
        for count in self.counts:
            if count.action in {"take", "restore", "unset"}:
                of_phase = announced[str(count.phase)]
                of_phase[count.kind] = of_phase.get(count.kind, 0) + count.number
        return announced

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "selection": str(self.selection),
            "counts": [asdict(count) for count in self.counts],
            "writes": self.writes,
            "reads": self.reads,
            "unresolved": self.unresolved,
            "requests_per_window": self.requests_per_window,
        }


@dataclass(frozen=True)
class Kept:
    """What was not taken back.

    Attributes:
        why: names of fields and numbers, no values.
        request_id: Intercom's, when it refused.
    """

    slot: str
    kind: str
    intercom_id: str | None
    why: str
    request_id: str | None = None

    @property
    def reason(self) -> str:
        """The first of its reasons, without numbers and names, to be counted."""
        return _NUMBER.sub("", _FIRST.split(self.why, maxsplit=1)[0]).strip()


_NUMBER = re.compile(r"^\d+ ")
_FIRST = re.compile("[:,(]")


@dataclass(frozen=True)
class Tick:
    """Where a rollback stands: the phase, or 0 while it proves; slots done and to be done, while it proves proofs."""

    phase: int
    done: int
    total: int
    kept: int


@dataclass(frozen=True)
class RollbackResult:
    """What a rollback did.

    Attributes:
        state: finished, stopped or interrupted.
        reason: why it stopped.
        written: accepted writes per kind.
        gone: what was gone already, per kind.
        left: what needed nothing, per kind: it was there before the load, or went with another object.
        kept: what was not taken back, and why.
        proved: what was read back and is as before the load, per kind.
        still_there: what reading back still shows.
        figures: counts of requests.
        exit_code: for the command line.
    """

    run_id: str
    selection: Selection
    state: str
    reason: str | None
    written: Mapping[str, int]
    gone: Mapping[str, int]
    left: Mapping[str, int]
    kept: tuple[Kept, ...]
    proved: Mapping[str, int]
    still_there: tuple[Kept, ...]
    figures: Mapping[str, int]
    seconds: float
    published: Published
    exit_code: int

    @property
    def sentence(self) -> str:
        """What is in Intercom and what isn't, in one sentence."""
        taken = f"{sum(self.written.values()):,} taken back, {sum(self.proved.values()):,} proved by reading back"
        gone = f", {sum(self.gone.values()):,} were gone already" if self.gone else ""
        if self.state != "finished" and not self.still_there:
            return f"The rollback was {self.state}: {taken}{gone}. {self.reason}"
        left = f"{len(self.kept):,} kept" if self.kept else "nothing of it is left"
        there = f"; {len(self.still_there):,} still there although Intercom accepted" if self.still_there else ""
        return f"{taken}{gone}; {left}{there}."

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run_id": self.run_id,
            "selection": str(self.selection),
            "state": self.state,
            "reason": self.reason,
            "written": dict(self.written),
            "gone_already": dict(self.gone),
            "left_alone": dict(self.left),
            "kept": [asdict(one) for one in self.kept],
            "proved": dict(self.proved),
            "still_there": [asdict(one) for one in self.still_there],
            "requests": dict(self.figures),
            "seconds": round(self.seconds, 1),
            "published": {"receipts": self.published.receipts, "message": self.published.message},
            "sentence": self.sentence,
            "exit_code": self.exit_code,
        }
