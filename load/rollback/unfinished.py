"""Calls of a load that was cut off, which may have made something that the ledger does not know: before a rollback.

What is appended is looked up. Anything else is finished as the next load would, which says whether it was made here;
then it is taken back with the rest. Values and states go with their conversation, or are left to the next load.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from load import silence, warehouse
from load.client import Client
from load.errors import (
    AgainError,
    GateError,
    LostError,
    RejectedError,
    TemplateError,
    UnreachableError,
)
from load.kinds import Absent, Found, Request, Took, Undecided, Verdict, kind_of
from load.ledger import Intent, Ledger
from load.rollback.owned import Selection
from load.settings import Settings
from load.storage import FileStorage
from load.talker import Talker
from load.templates import fill, fill_path
from load.warehouse import Payload, Row

T = TypeVar("T")

VALUES = frozenset({"conversation.attribute", "conversation.assignment", "conversation.state"})
"""Kinds that make nothing which could be mistaken for a person's doing."""

STORED = "file:"
"""Before the path, in the undo of a file outside Intercom."""


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
    for intent in ledger.open_intents():
        slot = intent.items[0].slot
        chosen = intent.action == "send" and selection.covers(slot, intent.phase, intent.run_id)
        if not chosen or intent.kind in VALUES or ledger.settled(intent.phase, [], [slot]):
            continue
        try:
            why = _finish(settings, ledger, client, files, intent, run_id)
        except (LostError, AgainError) as error:
            raise UnreachableError(f"Intercom does not answer: {error}. Run the same command again later.") from error
        if why is not None:
            left.append((slot, intent.kind, why))
    return left


def _finish(
    settings: Settings, ledger: Ledger, client: Client, files: FileStorage, intent: Intent, run_id: str
) -> str | None:
    kind = kind_of(intent.kind)
    row, payload = _planned(settings, client, intent)
    talk = Talker(client, ledger, files, silence.ALL)  # the load that began these calls had them acknowledged
    find = kind.find
    if find is not None and intent.fingerprint is not None:
        took = _look(settings, client, lambda wanted: find(talk, wanted), kind.searches, intent)
        if isinstance(took, str):
            return took
    elif kind.outside:
        there = row is not None and not _told(intent, "before", {}).get("existed") and files.exists(row.path)
        undo = {"method": "DELETE", "path": STORED + (row.path if row else ""), "payload": None}
        took = Took(None, "created", undo=undo) if there else None
    elif row is None or payload is None:
        return "a call of an interrupted load has no answer, and the warehouse does not hold it any more"
    else:
        try:
            request = _request(ledger, row, payload, intent)
            took = _patiently(client, lambda: kind.send(talk, request))
        except (RejectedError, TemplateError):
            took = None
    if took is None:
        ledger.close_intent(intent, "absent", run_id=run_id)
        return None
    receipt = intent.receipt(took.intercom_id, took.outcome, took.undo)
    ledger.close_intent(intent, "found", run_id=run_id, request_id=took.request_id, receipts=[receipt])
    return None


def _look(
    settings: Settings,
    client: Client,
    find: Callable[[Mapping[str, Any]], Verdict],
    searches: bool,
    intent: Intent,
) -> Took | str | None:
    """Look for what was appended, until a search would have to show it."""
    wanted = {**(intent.fingerprint or {}), "since": _told(intent, "first", intent.opened_at)}
    known = settings.intercom
    patience = max(known.search_lag if searches else 0.0, known.commit_grace)
    while True:
        verdict = _patiently(client, lambda: find(wanted))
        left = patience - (client.clock.time() - intent.opened_at)
        if isinstance(verdict, Found):
            return Took(verdict.intercom_id, "created")
        if isinstance(verdict, Undecided):
            return f"a call without answer may have made {', '.join(verdict.ids)} or not"
        if isinstance(verdict, Absent) and left <= 0:
            return None
        client.clock.sleep(min(2.0, left))


def _patiently(client: Client, work: Callable[[], T]) -> T:
    return Retrying(
        stop=stop_after_attempt(8),
        wait=wait_exponential_jitter(multiplier=0.5, max=30),
        retry=retry_if_exception_type((LostError, AgainError)),
        sleep=client.clock.sleep,
        reraise=True,
    )(work)


def _request(ledger: Ledger, row: Row, payload: Payload, intent: Intent) -> Request:
    def lookup(key: str) -> str | None:
        found = ledger.object_id(key)
        return found[0] if found else None

    def read_file(_key: str) -> str:
        return ""

    conflict = fill(json.loads(payload.on_conflict), lookup, read_file) if payload.on_conflict else None
    filled = fill(json.loads(payload.payload), lookup, read_file)
    path = fill_path(row.path, lookup)
    first, before = _told(intent, "first", intent.opened_at), _told(intent, "before", {})
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


def _told(intent: Intent, name: str, default: Any) -> Any:
    """What an intent says beside its fingerprint."""
    return (intent.fingerprint or {}).get(name, default)
