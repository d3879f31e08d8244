"""What ends in the ledger when something is taken back, and rollbacks that were cut off."""

import json
from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select

from load.ledger import SETTLED, Intent, Ledger, Receipt, Settled
from load.rollback.desk import Desk
from load.rollback.owned import below, ending_with
from load.rollback.rules import Thing, rules

ROLLBACK = "rollback"
"""`action` of a rollback's intents."""

INCLUDE_CHANGED = "include-changed"
FORGET_METRICS = "no-retain-metrics"
"""Switches of a rollback, as they are kept with the run."""

KEPT = "kept"
"""In a run's figures: how many were not taken back, by reason."""

ROLLED_BACK = "rolled_back"
"""`outcome` of what was taken back."""

LAG = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""Seconds between looks at what Intercom removes some time after its answer; five minutes in all."""


def ends_with(ledger: Ledger, settled: Settled) -> list[Settled]:
    """The settled slots that end when an object that was made here is gone, itself included."""
    hanging = {
        "conversation.create": _below(settled),
        "contact.upsert": _below(settled),
        "company.upsert": (SETTLED.c.kind == "contact.company") & (SETTLED.c.intercom_id == settled.intercom_id),
        "tag.create": SETTLED.c.kind.in_(("contact.tag", "conversation.tag"))
        & (SETTLED.c.intercom_id == settled.intercom_id),
        "conversation_attribute.create": (SETTLED.c.kind == "conversation.attribute")
        & SETTLED.c.slot.like(ending_with(f"/attribute/{settled.slot.partition('/')[2]}"), escape="\\"),
    }.get(settled.kind)
    if hanging is None:
        return [settled]
    with ledger.engine.connect() as db:
        rows = db.execute(select(SETTLED).where(or_(hanging, SETTLED.c.slot == settled.slot)))
        return [Settled(**row._mapping) for row in rows]  # noqa: SLF001


def _below(settled: Settled) -> ColumnElement[bool]:
    first, before = below(settled.slot)
    return (SETTLED.c.slot >= first) & (SETTLED.c.slot < before)


def endings(settled: Sequence[Settled]) -> list[Receipt]:
    """Receipts that say that these were taken back."""
    return [one.ended(ROLLED_BACK) for one in settled]


def interrupted(ledger: Ledger) -> list[Intent]:
    """Calls of rollbacks whose fate is unknown."""
    return [intent for intent in ledger.open_intents() if intent.action == ROLLBACK]


def settle_interrupted(ledger: Ledger, desk: Desk, run_id: str) -> None:
    """Before a load: find out what became of the calls that a rollback had under way when it was cut off.

    What was made here is looked at: it is gone, or still there; companies are waited for together. A setting or a
    former value may have been given back or not, so it counts as given back and is sent again.

    Args:
        ledger: held by this run.
        desk: to look with.
        run_id: of this run.
    """
    waiting = interrupted(ledger)
    for pause in (0.0, *LAG):
        if not waiting:
            break
        desk.client.clock.sleep(pause)
        waiting = [intent for intent in waiting if not _is_settled(ledger, desk, intent, run_id)]
    for intent in waiting:
        ledger.close_intent(intent, "absent", run_id=run_id)


def _is_settled(ledger: Ledger, desk: Desk, intent: Intent, run_id: str) -> bool:
    """Close a call, unless it is about a company that is still there: that may go some time after the answer."""
    known = rules(retain_metrics=True)
    (slot,) = (item.slot for item in intent.items)
    settled = ledger.settled(intent.phase, [], [slot]).get(slot)
    ended: list[Settled] = []
    if settled is not None and settled.outcome == "created" and settled.kind in known:
        if known[settled.kind].shown(desk, thing_of(settled)) is None:
            ended = ends_with(ledger, settled)
        elif settled.kind == "company.upsert":
            return False
    elif settled is not None:
        ended = [settled]
    ledger.close_intent(intent, "found" if ended else "absent", run_id=run_id, receipts=endings(ended))
    return True


def thing_of(settled: Settled) -> Thing:
    """What little is needed to look at an object and to take it back."""
    return Thing(
        slot=settled.slot,
        kind=settled.kind,
        phase=settled.phase,
        outcome=settled.outcome,
        intercom_id=settled.intercom_id,
        made_at=settled.received_at,
        touched_at=settled.received_at,
        undo=json.loads(settled.undo) if settled.undo else None,
    )
