"""A person's word about a call that the loader cannot decide: the record is in Intercom, or it is not."""

from pathlib import Path

from load.clock import Clock
from load.errors import DecisionError
from load.kinds import kind_of
from load.ledger import Ledger, exclusive
from load.settling import settle_earlier


def decide(ledger_path: Path, slot: str, intercom_id: str | None, *, clock: Clock | None = None) -> None:
    """Write down what became of a call that was never answered.

    Args:
        ledger_path: the ledger; no run may hold it.
        slot: of the dead letter whose reason is `unknown`.
        intercom_id: of what the call made; None when it made nothing, so that the next apply makes it.
        clock: where time comes from.

    Raises:
        DecisionError: nothing is undecided about the slot, or the id belongs to another record.
        LedgerInUseError: a run holds the ledger.
    """
    if not ledger_path.is_file():
        raise DecisionError(f"there is no ledger {ledger_path}: check LEDGER__PATH.")
    with exclusive(ledger_path), Ledger(ledger_path, clock=clock) as ledger:
        intents = [intent for intent in ledger.open_intents() if slot in {item.slot for item in intent.items}]
        intent = next((intent for intent in intents if kind_of(intent.kind).append_only), None)
        if intent is None:
            raise DecisionError(f"nothing is undecided about {slot}. The status command lists what is.")
        if intercom_id is not None and ledger.owned(intent.kind, [intercom_id]):
            raise DecisionError(f"{intercom_id} is another record's in the ledger. Look again.")
        settle_earlier(ledger, intent.run_id, intent, intercom_id)
