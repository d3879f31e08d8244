"""What an apply tells: where it stands while it goes on, and what came of it at the end."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from load.letters import DEPENDS, REFUSED, UNANSWERED, UNKNOWN
from load.pace import Speed
from load.plan import AFTER, Plan
from load.publish import Published

_HELD = {
    REFUSED: "refused in an earlier run and not tried again",
    f"{AFTER}{REFUSED}": "waiting for what was refused then",
    f"{AFTER}{UNKNOWN}": "waiting for that decision",
}
_WHY = {
    REFUSED: "refused by Intercom",
    DEPENDS: "waiting for one of these",
    UNKNOWN: "for a person to decide whether they are there",
    UNANSWERED: "not answered",
}


@dataclass(frozen=True)
class Tick:
    """Where a run stands.

    Attributes:
        phase: number of the phase.
        name: of the phase.
        done: its writes and settlements that are done.
        total: those that were announced.
        done_in_all: the same of all phases so far.
        figures: counts of the run; see `Figures`.
        dead: slots left over so far.
        speed: of the last minute.
        limit: requests that the workspace allows per window; None when it has not said.
    """

    phase: int
    name: str
    done: int
    total: int
    done_in_all: int
    figures: Mapping[str, int]
    dead: int
    speed: Speed
    limit: int | None


@dataclass(frozen=True)
class Result:
    """What an apply did.

    Attributes:
        state: finished, stopped or interrupted.
        reason: why it stopped.
        plan: what was announced.
        settled: rows of the plan that this run settled.
        written: accepted writes per kind, the extra ones that an adoption needs included.
        adopted: per kind, what existed and needed another number of writes than announced.
        found: calls of this or an earlier run that turned out, by looking, to have taken effect.
        left_over: slots that could not be settled in this run, by reason.
        not_taken_back: those of them that should have been taken back.
        addresses_waiting: addresses that were not given yet, since something of the plan is not there.
        undecided_elsewhere: calls that wait for a person's decision, of slots that the plan does not name.
        unresolved: calls whose fate is still unknown; the next run looks them up.
        figures: counts of requests.
        seconds: duration.
        published: what came of copying the receipts to the warehouse.
        exit_code: for the command line.
    """

    run_id: str
    state: str
    reason: str | None
    plan: Plan
    settled: int
    written: Mapping[str, int]
    adopted: Mapping[str, int]
    found: int
    left_over: Mapping[str, int]
    not_taken_back: Mapping[str, int]
    addresses_waiting: int
    undecided_elsewhere: int
    unresolved: int
    figures: Mapping[str, int]
    seconds: float
    published: Published
    exit_code: int

    @property
    def sentence(self) -> str:
        """What is in Intercom, what is not, and why: one sentence, over the records of the plan."""
        there = self.plan.settled + self.plan.changed.count + self.settled
        missing = self.plan.rows - there
        of = "selection" if self.plan.chosen else "plan"
        if not missing:
            said = f"All {self.plan.rows:,} records of the {of} are in Intercom"
        else:
            held = dict(self.plan.held_why)
            left = Counter(self.left_over)
            left.subtract(self.not_taken_back)
            left[UNKNOWN] += held.pop(UNKNOWN, 0)
            why = [f"{number:,} {_WHY[reason]}" for reason, number in sorted(left.items()) if number]
            why += [f"{held[reason]:,} {text}" for reason, text in _HELD.items() if held.get(reason)]
            if self.addresses_waiting:
                why.append(f"{self.addresses_waiting:,} addresses that wait until all others are there")
            untried = missing - left.total() - sum(held.values()) - self.addresses_waiting
            if untried > 0:
                cause = "they wait for others" if self.state == "finished" else f"the run was {self.state}"
                why.append(f"{untried:,} not tried because {cause}")
            said = f"{there:,} of {self.plan.rows:,} records of the {of} are in Intercom, {missing:,} are not: "
            said += ", ".join(why)
        apart = [
            f"{listed.count:,} {text}"
            for listed, text in (
                (self.plan.changed, "changed after they were sent and are there as they were"),
                (self.plan.vanished, "are there and no longer in the plan"),
            )
            if listed.count
        ]
        if taken := sum(self.not_taken_back.values()):
            apart.append(f"{taken:,} could not be taken back")
        if self.undecided_elsewhere:
            apart.append(f"of {self.undecided_elsewhere:,} more a person has to decide whether they are there")
        if self.plan.chosen:
            apart.append(
                f"{self.plan.chosen.conversations_left_out:,} conversations and "
                f"{self.plan.chosen.requests_left_out:,} records are not selected"
            )
            if waiting := self.plan.chosen.addresses_waiting:
                apart.append(f"{waiting:,} addresses wait for an apply without selection")
        return "; ".join([said, *apart]) + "."

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run_id": self.run_id,
            "state": self.state,
            "reason": self.reason,
            "sentence": self.sentence,
            "announced": self.plan.writes,
            "announced_total": self.plan.total,
            "settled": self.settled,
            "written": dict(self.written),
            "written_total": sum(self.written.values()),
            "adopted": dict(self.adopted),
            "found": self.found,
            "left_over": dict(self.left_over),
            "held_back": self.plan.held.count,
            "held_back_by_reason": dict(self.plan.held_why),
            "addresses_waiting": self.addresses_waiting
            or (self.plan.chosen.addresses_waiting if self.plan.chosen else 0),
            "changed_after_load": self.plan.changed.count,
            "vanished": self.plan.vanished.count,
            "selection": self.plan.chosen.as_dict() if self.plan.chosen else None,
            "unresolved_calls": self.unresolved,
            "requests": dict(self.figures),
            "seconds": round(self.seconds, 1),
            "published": {"receipts": self.published.receipts, "message": self.published.message},
            "exit_code": self.exit_code,
        }
