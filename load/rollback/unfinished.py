"""Calls of a load that was cut off, which may have made something that the ledger does not know: before a rollback.

What is appended is looked up as a load does. Anything else is finished as the next load would, which says whether it
was made here; then it is taken back with the rest. Values and states go with their conversation, or are left to the
next load.
"""

import json
import threading

from load import silence, warehouse
from load.client import Client
from load.errors import (
    AgainError,
    GateError,
    LostError,
    RejectedError,
    TemplateError,
    UndecidedError,
    UnreachableError,
)
from load.kinds import STORED, Request, Took, kind_of
from load.ledger import Intent, Ledger
from load.rollback.owned import Selection
from load.settings import Settings
from load.settling import Settler, settle_earlier
from load.storage import FileStorage
from load.templates import fill, fill_path
from load.warehouse import Payload, Row

VALUES = frozenset({"conversation.attribute", "conversation.assignment", "conversation.state"})
"""Kinds that make nothing which could be mistaken for a person's doing."""


def finish_calls(
    settings: Settings, ledger: Ledger, client: Client, files: FileStorage, selection: Selection, run_id: str
) -> list[tuple[str, str, str]]:
    """Settle the chosen calls without receipt that may have made something.

    Returns:
        Slot, kind and reason of what could not be settled.

    Raises:
        UnreachableError: Intercom has not answered after several attempts.
    """
    left = []
    settler = Settler(ledger, client, files, client.clock, settings.intercom, threading.Event())
    settler.run_id = run_id
    settler.talker.acknowledged = silence.ALL  # the load that began these calls had them acknowledged
    for intent in ledger.open_intents():
        slot = intent.items[0].slot
        chosen = intent.action == "send" and selection.covers(slot, intent.phase, intent.run_id)
        if not chosen or intent.kind in VALUES or ledger.settled(intent.phase, [], [slot]):
            continue
        try:
            if kind_of(intent.kind).append_only and intent.fingerprint is not None:
                settle_earlier(ledger, run_id, intent, settler.made_by(intent))
                continue
            took = _finished(settings, settler, intent)
        except UndecidedError as error:
            left.append((slot, intent.kind, str(error)))
        except (LostError, AgainError) as error:
            raise UnreachableError(f"Intercom does not answer: {error}. Run the same command again later.") from error
        except _NotPlannedError as error:
            left.append((slot, intent.kind, str(error)))
        else:
            receipts = [] if took is None else [intent.receipt(took.intercom_id, took.outcome, took.undo)]
            request_id = None if took is None else took.request_id
            ledger.close_intent(
                intent, "found" if took else "absent", run_id=run_id, request_id=request_id, receipts=receipts
            )
    return left


class _NotPlannedError(Exception):
    """The warehouse does not hold the row of a call any more."""


def _finished(settings: Settings, settler: Settler, intent: Intent) -> Took | None:
    """Do what may have been done, which changes nothing then and says whether it was made here; None for a refusal."""
    kind, client = kind_of(intent.kind), settler.client
    row, payload = _planned(settings, client, intent)
    if row is None or payload is None:
        raise _NotPlannedError(
            "a call of an interrupted load has no answer, and the warehouse does not hold it any more"
        )
    if kind.outside:
        there = not intent.told("before", {}).get("existed") and settler.files.exists(row.path)
        undo = {"method": "DELETE", "path": STORED + row.path, "payload": None}
        return Took(None, "created", undo=undo) if there else None
    try:
        request = _request(settler.ledger, row, payload, intent)
        return client.patiently(lambda: kind.send(settler.talker, request))
    except (RejectedError, TemplateError):
        return None


def _request(ledger: Ledger, row: Row, payload: Payload, intent: Intent) -> Request:
    def lookup(key: str) -> str | None:
        found = ledger.object_id(key)
        return found[0] if found else None

    def read_file(_key: str) -> str:
        return ""

    conflict = fill(json.loads(payload.on_conflict), lookup, read_file) if payload.on_conflict else None
    filled = fill(json.loads(payload.payload), lookup, read_file)
    path = fill_path(row.path, lookup)
    first, before = intent.told("first", intent.opened_at), intent.told("before", {})
    return Request(row.kind, row.method, path, filled, conflict, since=first, repeated=True, before=before)


def _planned(settings: Settings, client: Client, intent: Intent) -> tuple[Row | None, Payload | None]:
    """The plan's row of a call, and its payloads."""
    slot = intent.items[0].slot
    try:
        with warehouse.reading(settings.warehouse, client.clock) as db:
            rows = [row for row in warehouse.rows_of(db, intent.phase, [intent.lane]) if row.slot == slot]
            payloads = dict(warehouse.payloads_of(db, intent.phase, [intent.lane], [slot]))
    except GateError:
        return None, None
    return rows[0] if rows else None, payloads.get(slot)
