"""A person's word about a call that the loader cannot decide: the record is in Intercom, or it is not.

A decision stands in the ledger and can be corrected as long as nothing was built upon it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Column, Float, Integer, String, Table, insert, select

from load.client import Client
from load.clock import Clock, SystemClock
from load.engine import check_settings, check_workspace
from load.errors import DecisionError, WorkspaceError
from load.kinds import hidden_parts, kind_of, parts_of
from load.ledger import INTENTS, META, SETTLED, Intent, Ledger, Settled, belongs_to_another, exclusive, intent_of
from load.settings import Settings
from load.settling import settle_earlier

DECISIONS = Table(
    "decisions",
    META,
    Column("decision_id", Integer, primary_key=True),
    Column("slot", String, nullable=False),
    Column("intent_id", Integer, nullable=False),
    Column("intercom_id", String),  # null: it is not there
    Column("decided_at", Float, nullable=False),
)

_PATHS = {
    "conversation.create": "/conversations/{}",
    "collection.create": "/help_center/collections/{}",
    "article.create": "/articles/{}",
}


@dataclass(frozen=True)
class Decision:
    """What was written down.

    Attributes:
        slot: that it is about.
        kind: of the slot's request.
        intercom_id: of what the call made; None when it made nothing.
        corrects: it takes the place of an earlier decision.
    """

    slot: str
    kind: str
    intercom_id: str | None
    corrects: bool

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def decide(
    settings: Settings,
    slot: str,
    intercom_id: str | None,
    *,
    client: Client | None = None,
    clock: Clock | None = None,
) -> Decision:
    """Write down what became of a call that was never answered. An id is read in Intercom first.

    Args:
        settings: the ledger, which no run may hold, and the workspace.
        slot: of the dead letter whose reason is `unknown`, or one about which a person has decided wrongly.
        intercom_id: of what the call made; None when it made nothing, so that the next apply makes it.
        client: to use and to leave open.
        clock: where time comes from.

    Raises:
        DecisionError: nothing is undecided about the slot, or the id is not there or belongs to another record.
        LedgerInUseError: a run holds the ledger.
        WorkspaceError: token, settings and ledger do not mean the same workspace.
        UnreachableError: Intercom does not answer.
    """
    clock = clock or SystemClock()
    if not settings.ledger.is_file():
        raise DecisionError(f"there is no ledger {settings.ledger}: check LEDGER__PATH.")
    with exclusive(settings.ledger), Ledger(settings.ledger, clock=clock) as ledger:
        intent = _undecided(ledger, slot)
        corrects = intent is None
        if intent is None:
            intent = _decided(ledger, slot)
        if intercom_id is not None:
            _check_free(ledger, intent.kind, slot, intercom_id)
            _check_there(settings, ledger, intent, intercom_id, client, clock)
        there = ledger.settled(intent.phase, [], [slot]).get(slot)
        if there is not None and intercom_id is None:
            ledger.close_intent(intent, "absent", run_id=intent.run_id, receipts=[there.ended("undone")])
        else:
            settle_earlier(ledger, intent.run_id, intent, intercom_id)
        row = {"slot": slot, "intent_id": intent.intent_id, "intercom_id": intercom_id, "decided_at": clock.time()}
        with ledger.engine.begin() as db:
            db.execute(insert(DECISIONS), row)
        return Decision(slot, intent.kind, intercom_id, corrects)


def _undecided(ledger: Ledger, slot: str) -> Intent | None:
    intents = [intent for intent in ledger.open_intents() if slot in {item.slot for item in intent.items}]
    return next((intent for intent in intents if kind_of(intent.kind).append_only), None)


def _decided(ledger: Ledger, slot: str) -> Intent:
    """The call about which a person has decided, as long as the decision can be taken back."""
    query = (
        select(INTENTS, DECISIONS.c.intercom_id)
        .join(DECISIONS, DECISIONS.c.intent_id == INTENTS.c.intent_id)
        .where(DECISIONS.c.slot == slot)
        .order_by(DECISIONS.c.decision_id.desc())
        .limit(1)
    )
    with ledger.engine.connect() as db:
        row = db.execute(query).first()
    if row is None:
        raise DecisionError(f"nothing is undecided about {slot}. The status command lists what is.")
    intent = intent_of(row)
    there = ledger.settled(intent.phase, [], [slot]).get(slot)
    if there is not None and (there.intent_id, there.intercom_id) != (intent.intent_id, row.intercom_id):
        raise DecisionError(
            f"{slot} was sent after it was decided that it is not in Intercom: it is there as {there.intercom_id}. "
            "Remove there what is double."
        )
    if there is not None and _is_built_upon(ledger, there):
        raise DecisionError(f"{slot} has been used for others since it was decided; that cannot be corrected any more.")
    return intent


def _is_built_upon(ledger: Ledger, there: Settled) -> bool:
    """Whether what came later in a lane may lie inside the object; nothing lies inside a message or an article."""
    if there.kind != "collection.create":
        return False
    later = select(SETTLED.c.slot).where(
        SETTLED.c.phase == there.phase, SETTLED.c.lane == there.lane, SETTLED.c.receipt_id > there.receipt_id
    )
    with ledger.engine.connect() as db:
        return db.execute(later.limit(1)).first() is not None


def _check_free(ledger: Ledger, kind: str, slot: str, intercom_id: str) -> None:
    query = select(SETTLED.c.slot).where(
        SETTLED.c.kind == kind, SETTLED.c.intercom_id == intercom_id, SETTLED.c.slot != slot
    )
    with ledger.engine.connect() as db:
        owner = db.scalar(query.limit(1))
    if owner is not None:
        raise DecisionError(f"{intercom_id} is another record's in the ledger: {owner}. Look again.")


def _check_there(
    settings: Settings, ledger: Ledger, intent: Intent, intercom_id: str, client: Client | None, clock: Clock
) -> None:
    check_settings(settings)
    ours = client or Client(settings.intercom, clock=clock)
    try:
        workspace_id, _region = check_workspace(ours, settings.intercom)
        bound = ledger.workspace()
        if bound is not None and bound[0] != workspace_id:
            raise WorkspaceError(belongs_to_another(ledger.path, bound[0], workspace_id))
        conversation = (intent.fingerprint or {}).get("conversation")
        if intent.kind == "conversation.reply":
            shown = ours.fetch(f"/conversations/{conversation}")
            if shown is None or not _has_part(shown, intercom_id):
                raise DecisionError(
                    f"the conversation {conversation} has no part {intercom_id} in Intercom. Look again: `conversation_"
                    "parts` of GET /conversations/ID has the ids."
                )
        elif not intercom_id.isalnum() or ours.fetch(_PATHS[intent.kind].format(intercom_id)) is None:
            raise DecisionError(f"there is no {intent.kind.partition('.')[0]} {intercom_id} in Intercom. Look again.")
    finally:
        if client is None:
            ours.close()


def _has_part(shown: Mapping[str, Any], intercom_id: str) -> bool:
    """Whether it is a part; of a conversation that does not show all of its parts a person's word is taken."""
    return intercom_id in {str(part["id"]) for part in parts_of(shown)} or (
        hidden_parts(shown) and intercom_id.isdigit()
    )
