"""The proof of a rollback: everything that was taken back is read once more."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from load.ledger import Ledger
from load.rollback.desk import Desk
from load.rollback.endings import ROLLBACK, ROLLED_BACK
from load.rollback.rules import OBJECT_PATHS, Thing, rules, setting_is_back, shown_values

RULES = rules(retain_metrics=True)


@dataclass(frozen=True)
class Taken:
    """A receipt of a rollback, with what its intent says of the call."""

    slot: str
    kind: str
    phase: int
    intercom_id: str | None
    undo: Mapping[str, Any] | None
    fingerprint: Mapping[str, Any]

    @property
    def lags(self) -> bool:
        """It is gone some time after the answer (companies: delete)."""
        return self.kind == "company.upsert" and self.fingerprint.get("taking") == "remove"

    @property
    def thing(self) -> Thing:
        """What is needed to look at it."""
        return Thing(self.slot, self.kind, self.phase, "created", self.intercom_id, 0.0, 0.0, self.undo)


_TAKEN = (
    " from receipts r join intents i on i.intent_id = r.intent_id"
    " where r.outcome = :outcome and i.action = :action and r.slot = json_extract(i.items, '$[0][0]')"
    " and r.run_id not in (select run_id from runs where state = 'finished')"
    # A load that came between may have brought the very same thing back.
    " and not exists (select 1 from settled s where s.slot = r.slot and s.intercom_id is r.intercom_id)"
)
_OF_ROLLBACK = {"outcome": ROLLED_BACK, "action": ROLLBACK}


def taken_number(ledger: Ledger) -> int:
    """How many `taken` gives."""
    with ledger.engine.connect() as db:
        return int(db.scalar(text(f"select count(*) {_TAKEN}"), _OF_ROLLBACK) or 0)


def taken(ledger: Ledger, size: int) -> Iterator[list[Taken]]:
    """What this rollback took back, and those before it that did not come to their end, in pages."""
    query = text(f"select r.slot, r.kind, r.phase, r.intercom_id, r.undo, i.fingerprint {_TAKEN}")
    with ledger.engine.connect().execution_options(yield_per=size) as db:
        for page in db.execute(query, _OF_ROLLBACK).partitions(size):
            yield [
                Taken(
                    row.slot,
                    row.kind,
                    row.phase,
                    row.intercom_id,
                    json.loads(row.undo) if row.undo else None,
                    json.loads(row.fingerprint or "{}"),
                )
                for row in page
            ]


def is_back(desk: Desk, one: Taken) -> bool:
    """Read one back: it is gone or archived, or has its former values."""
    taking = one.fingerprint.get("taking")
    if taking == "restore":
        shown = desk.show(OBJECT_PATHS[one.kind].format(one.intercom_id))
        names = list(one.fingerprint["names"])
        return shown is None or digest(shown_values(shown, names)) == one.fingerprint["values"]
    if taking == "unset":
        return setting_is_back(desk, one.kind, one.undo or {})
    return RULES[one.kind].shown(desk, one.thing) is None


def values_hash(payload: Mapping[str, Any], names: Sequence[str]) -> str:
    """Hash of the values that a payload gives to fields and attributes."""
    return digest(shown_values(payload, names))


def digest(values: Mapping[str, Any]) -> str:
    """Hash of values by name; the ledger holds no others."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:32]
