"""What the ledger says is in Intercom because of us, chosen for a rollback and put into the order of taking back."""

import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from load.errors import NotInLedgerError
from load.ledger import ENDING, Settled
from load.rollback.rules import OBJECT_PATHS, part_of

Action = Literal["take", "restore", "unset", "leave", "with", "cannot"]

CONVERSATION = "conversation/"


@dataclass(frozen=True)
class Selection:
    """What is to be taken back; several conditions hold together.

    Attributes:
        everything: all that the ledger holds.
        run: id of the run that made it.
        phase: number of its phase.
        conversation: key of the conversation, with or without `conversation/` before it.
    """

    everything: bool = False
    run: str | None = None
    phase: int | None = None
    conversation: str | None = None

    def __str__(self) -> str:
        """As it is kept with the run."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        return " ".join(name if value is True else f"{name} {value}" for name, value in chosen.items())

    @property
    def slot(self) -> str | None:
        """Of the conversation."""
        if self.conversation is None:
            return None
        return CONVERSATION + self.conversation.removeprefix(CONVERSATION)

    def covers(self, slot: str, phase: int, run_id: str) -> bool:
        """Whether a slot is chosen."""
        of_conversation = self.slot in {None, slot, part_of(slot)}
        return of_conversation and self.run in {None, run_id} and self.phase in {None, phase}


@dataclass(frozen=True)
class Unit:
    """A settled slot that is to be taken back on its own.

    Attributes:
        made_at: Unix seconds of its first receipt since it was last taken back.
    """

    slot: str
    kind: str
    phase: int
    lane: str
    outcome: str
    intercom_id: str | None
    made_at: float
    action: Action


_TABLES = """
    create table units (
        number integer primary key, phase integer, lane text, slot text unique, kind text, outcome text,
        intercom_id text, made_run text, made_at real, action text
    );
    create index units_lane on units (phase, lane, number);
    create table history (slot text, ends integer, at real);
    create index history_slot on history (slot, at);
"""

_FILL = f"""
    insert into units
    with ended as (
        select slot, max(receipt_id) as last from ledger.receipts where outcome in {ENDING} group by slot
    ),
    origin as (
        select r.slot, min(r.receipt_id) as first from ledger.receipts r left join ended e on e.slot = r.slot
        where r.receipt_id > coalesce(e.last, 0) group by r.slot
    )
    select o.first, s.phase, s.lane, s.slot, s.kind, s.outcome, s.intercom_id, r.run_id, r.received_at,
        action_of(s.slot, s.kind, s.outcome, s.undo)
    from ledger.settled s join origin o on o.slot = s.slot join ledger.receipts r on r.receipt_id = o.first
    where covers(s.slot, s.phase, r.run_id)
"""

_COVER = """
    update units set action = 'with' where exists (
        select 1 from units owner where owner.slot = part_of(units.slot)
        and owner.kind in ('conversation.create', 'contact.upsert') and owner.action = 'take'
    )
"""

_HISTORY = f"""
    insert into history select slot, outcome in {ENDING}, received_at from ledger.receipts
    where slot in (select slot from units where action = 'restore')
"""

_TAKEN = frozenset(
    {
        "conversation.create",
        "contact.upsert",
        "company.upsert",
        "tag.create",
        "conversation_attribute.create",
        "data_attribute.create",
        "article.create",
        "collection.create",
        "file.store",
    }
)


def action_of(slot: str, kind: str, outcome: str, undo: str | None) -> Action:
    """What taking a slot back means, when it does not go with something else."""
    if outcome == "created":
        return "take" if kind in _TAKEN else "cannot"
    if outcome == "adopted":
        return "restore" if kind in OBJECT_PATHS else "leave"
    if outcome == "implied":
        return "leave"
    return "unset" if undo or (kind == "conversation.attribute" and "/attribute/" in slot) else "cannot"


class Units:
    """The chosen slots in a private file, so that a large ledger needs little memory. To be closed.

    Args:
        ledger: the SQLite file.
        selection: what is chosen.
    """

    def __init__(self, ledger: Path, selection: Selection) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rollback-")
        self._db = sqlite3.connect(Path(self._folder.name, "units.sqlite"), isolation_level=None, uri=True)
        self._db.executescript(_TABLES)
        self._db.create_function("covers", 3, selection.covers)
        self._db.create_function("part_of", 1, part_of)
        self._db.create_function("action_of", 4, action_of)
        self._ledger = f"{ledger.resolve().as_uri()}?mode=ro"
        self.refill()

    def refill(self) -> None:
        """Choose anew, after the ledger has learnt more."""
        self._db.execute("attach database ? as ledger", (self._ledger,))
        for statement in ("delete from units", "delete from history", _FILL, _COVER, _HISTORY):
            self._db.execute(statement)
        self._db.execute("detach database ledger")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def counts(self) -> list[tuple[int, str, Action, int]]:
        """Phase, kind, action and number, in the order of taking back."""
        query = "select phase, kind, action, count(*) from units group by 1, 2, 3 order by 1 desc, 2, 3"
        return self._db.execute(query).fetchall()

    def hold(self, slot: str) -> bool:
        """Whether a slot is chosen."""
        return self._db.execute("select 1 from units where slot = ?", (slot,)).fetchone() is not None

    def phases(self) -> list[int]:
        """Phases with something to do, the last first."""
        query = "select distinct phase from units where action != 'with' order by phase desc"
        return [phase for (phase,) in self._db.execute(query)]

    def lanes(self, phase: int, size: int) -> Iterator[list[list[Unit]]]:
        """Pages of lanes of a phase; of a lane, what was made last comes first."""
        after = ""
        while True:
            lanes = self._db.execute(
                "select distinct lane from units where phase = ? and lane > ? and action != 'with' order by lane"
                " limit ?",
                (phase, after, size),
            ).fetchall()
            if not lanes:
                return
            rows = self._db.execute(
                "select slot, kind, phase, lane, outcome, intercom_id, made_at, action from units"
                " where phase = ? and lane > ? and lane <= ? and action != 'with' order by lane, number desc",
                (phase, after, lanes[-1][0]),
            ).fetchall()
            after = lanes[-1][0]
            units = [Unit(*row) for row in rows]
            yield [list(some) for _, some in groupby(units, key=lambda unit: unit.lane)]

    def untouched(self, slot: str) -> list[tuple[float, float]]:
        """When a slot was not settled: from and until, Unix seconds; the first begins at 0."""
        spans, since, settled = [], 0.0, False
        for ends, at in self._db.execute("select ends, at from history where slot = ? order by rowid", (slot,)):
            if ends:
                since, settled = float(at), False
            elif not settled:
                spans.append((since, float(at)))
                settled = True
        return spans


def require_known(ledger: Path, selection: Selection) -> None:
    """Refuse what the ledger does not know.

    Raises:
        NotInLedgerError: there is no such run, or no conversation of this key is in Intercom.
    """
    with closing(sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True)) as db:
        runs = [run for (run,) in db.execute("select run_id from runs order by started_at desc")]
        if selection.run is not None and selection.run not in runs:
            raise NotInLedgerError(
                f"the ledger has no run {selection.run}. Its latest are {', '.join(runs[:5]) or 'none'}."
            )
        slot = selection.slot
        if slot is not None and not db.execute("select 1 from settled where slot = ?", (slot,)).fetchone():
            raise NotInLedgerError(f"the ledger holds no {slot}: it was not loaded, or was taken back already.")


def below(slot: str) -> tuple[str, str]:
    """The range of slots that are about an object: from, and before."""
    return f"{slot}/", f"{slot}0"  # the character that follows "/"


def by_kind(settled: Sequence[Settled]) -> Mapping[str, frozenset[str]]:
    """Ids of settled slots by kind."""
    kinds = Counter(one.kind for one in settled)
    return {kind: frozenset(str(one.intercom_id) for one in settled if one.kind == kind) for kind in kinds}


_SAFE = re.compile(r"[%_\\]")


def ending_with(text: str) -> str:
    r"""A pattern of `like … escape '\'` for texts that end so."""
    return "%" + _SAFE.sub(lambda match: "\\" + match[0], text)
