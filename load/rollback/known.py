"""What ledger and warehouse know of the things that are to be taken back: parts, what was sent, former values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
from sqlalchemy import text

from load import warehouse
from load.clock import Clock
from load.errors import GateError, TemplateError, WarehouseLockedError
from load.ledger import Ledger, Settled
from load.rollback import former
from load.rollback.endings import thing_of
from load.rollback.owned import Unit, Units, below, by_kind
from load.rollback.rules import Thing, part_of
from load.settings import Settings
from load.templates import fill
from load.warehouse import Payload

_TEXTS = ("conversation.create", "conversation.reply")
"""Messages are told by their ids; their texts need not be read."""

_CONFLICT = "conflict of "
"""Before a slot: the payload for an object that exists."""


class Known:
    """Reads for some lanes at once.

    Args:
        settings: where the warehouse is.
        ledger: what is in Intercom.
        units: what is to be taken back.
        clock: where time comes from.
    """

    def __init__(self, settings: Settings, ledger: Ledger, units: Units, clock: Clock) -> None:
        self.settings, self.ledger, self.units, self.clock = settings, ledger, units, clock

    def things(self, page: Sequence[Sequence[Unit]]) -> list[list[tuple[Unit, Thing]]]:
        """Everything that the ledger and the warehouse know, read for some lanes at once."""
        units = [unit for lane in page for unit in lane]
        whole = {
            unit.slot: self._hanging(unit) for unit in units if unit.kind in {"conversation.create", "contact.upsert"}
        }
        settled = {one.slot: one for some in whole.values() for one in some}
        for phase in {unit.phase for unit in units}:
            settled |= self.ledger.settled(phase, [], [unit.slot for unit in units if unit.slot not in settled])
        planned, before = self._read(units, settled)
        return [
            [(unit, self._thing(unit, settled, whole, planned, before)) for unit in lane if unit.slot in settled]
            for lane in page
        ]

    def _hanging(self, unit: Unit) -> list[Settled]:
        first, before = below(unit.slot)
        with self.ledger.engine.connect() as db:
            rows = db.execute(
                text("select * from settled where slot = :slot or (slot >= :first and slot < :before)"),
                {"slot": unit.slot, "first": first, "before": before},
            )
            return [Settled(**row._mapping) for row in rows]  # noqa: SLF001

    def _thing(
        self,
        unit: Unit,
        settled: Mapping[str, Settled],
        whole: Mapping[str, Sequence[Settled]],
        planned: Mapping[str, Mapping[str, Any]],
        before: Mapping[str, Mapping[str, Any]],
    ) -> Thing:
        one = settled[unit.slot]
        hanging = [other for other in whole.get(unit.slot, ()) if other.slot != unit.slot]
        parts = dict(by_kind(hanging))
        owner = part_of(unit.slot)
        if unit.kind == "conversation.attribute" and owner is not None:
            known = self.ledger.object_id(owner)
            parts["conversation.create"] = frozenset({known[0]} if known else ())
        slots = [unit.slot, *(other.slot for other in hanging)]
        return replace(
            thing_of(one),
            made_at=unit.made_at,
            touched_at=max([one.received_at, *(other.received_at for other in hanging)]),
            planned={slot: planned[slot] for slot in slots if slot in planned},
            conflict=planned.get(_CONFLICT + unit.slot),
            parts=parts,
            former=before.get(unit.slot),
        )

    def _read(
        self, units: Sequence[Unit], settled: Mapping[str, Settled]
    ) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
        """What was sent, and what was there before, by slot; empty where the warehouse does not know."""
        wanted = {slot: one.payload_hash for slot, one in settled.items() if one.kind not in _TEXTS}
        try:
            with warehouse.reading(self.settings.warehouse, self.clock) as db:
                raw = warehouse.sent_payloads(db, wanted)
                asked = list(self._asked(units))
                known = former.extracts(db, self.settings.intercom.workspace_id) if asked else []
                spans = [(slot, kind, one, former.newest_before(known, spans)) for slot, kind, one, spans in asked]
                objects = former.former_objects(db, [(kind, one, extract) for _, kind, one, extract in spans])
        except GateError:  # no warehouse: then nothing is known
            return {}, {}
        found = {slot: objects[kind, one] for slot, kind, one, _ in spans if (kind, one) in objects}
        return dict(self._filled(raw)), found

    def _asked(self, units: Sequence[Unit]) -> Iterator[tuple[str, str, str, list[tuple[float, float]]]]:
        """Of which contacts and companies former values are needed, and when they were untouched."""
        for unit in units:
            if unit.action == "restore" and unit.intercom_id:
                yield unit.slot, unit.kind, unit.intercom_id, self.units.untouched(unit.slot)

    def _filled(self, raw: Mapping[str, Payload]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        def lookup(key: str) -> str | None:
            found = self.ledger.object_id(key)
            return found[0] if found else None

        for slot, payload in raw.items():
            for name, content in ((slot, payload.payload), (_CONFLICT + slot, payload.on_conflict)):
                if content is None:
                    continue
                try:
                    yield name, fill(json.loads(content), lookup, lambda _key: "")
                except TemplateError:  # it named something that is gone; so it can't be compared
                    continue


def why_files_stay(settings: Settings, clock: Clock) -> str | None:
    """Why no stored file may be removed; None when only this workspace can link to them.

    The storage is one for all workspaces that are loaded from a warehouse, and each ledger knows only its own.
    """
    if not settings.warehouse.is_file():
        return None
    try:
        with warehouse.reading(settings.warehouse, clock) as db:
            others = former.other_workspaces(db, settings.intercom.workspace_id)
    except (WarehouseLockedError, duckdb.Error):
        return "the warehouse cannot be read, which tells whether another workspace links to it"
    return f"conversations of another workspace may link to it: {', '.join(others)}" if others else None
