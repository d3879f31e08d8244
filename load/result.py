"""What an apply tells: where it stands while it goes on, and what came of it at the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from load.letters import DEPENDS, REFUSED, UNANSWERED, UNKNOWN
from load.pace import Speed
from load.plan import Plan
from load.publish import Published

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
            why = [f"{number:,} {_WHY[reason]}" for reason, number in sorted(self.left_over.items()) if number]
            if self.plan.held.count:
                why.append(f"{self.plan.held.count:,} left over by earlier runs and not tried again")
            untried = missing - sum(self.left_over.values()) - self.plan.held.count
            if untried > 0:
                why.append(f"{untried:,} not tried because the run was {self.state}")
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
        if self.plan.chosen:
            apart.append(
                f"{self.plan.chosen.conversations_left_out:,} conversations and "
                f"{self.plan.chosen.requests_left_out:,} records are not selected"
            )
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
            "changed_after_load": self.plan.changed.count,
            "vanished": self.plan.vanished.count,
            "selection": self.plan.chosen.as_dict() if self.plan.chosen else None,
            "unresolved_calls": self.unresolved,
            "requests": dict(self.figures),
            "seconds": round(self.seconds, 1),
            "published": {"receipts": self.published.receipts, "message": self.published.message},
            "exit_code": self.exit_code,
        }
