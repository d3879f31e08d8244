"""What the crash matrix is made of: every way in which a step is settled, and everything that can go wrong at it."""

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from little_plan import KNOWN_COMPANY_AS_IT_WAS, WORKSPACE_ID, change_of_mind, know, seed, whole_plan
from rehearsals import UNLIMITED, Rehearsal

from load.simulator import Fault, Options, Workspace, serve

PUBLISHED = Path(__file__).resolve().parents[2] / "load" / "CRASHES.md"


@dataclass(frozen=True)
class Row:
    """A way to settle a step.

    Attributes:
        name: in the published table.
        slot: that is settled in this way.
        request: the write that settles it: method and path; None where nothing goes to Intercom.
        among: which one of these writes it is.
        tries: how many of them there have been up to it, when each row's first attempt failed.
        action: send, update or undo.
        later: it comes with the second build.
    """

    name: str
    slot: str
    request: tuple[str, str] | None
    among: int = 1
    tries: int = 1
    action: str = "send"
    later: bool = False


CONTACT, CONVERSATION, LANE = "/contacts/{contact_id}", "/conversations/{conversation_id}", "conversation/t8"
ROWS = (
    Row("file.store", "stored_file/film", None),
    Row(
        "conversation_attribute.create",
        "conversation_attribute/Created",
        ("POST", "/conversations/attributes"),
    ),
    Row("data_attribute.create", "data_attribute/contact/login", ("POST", "/data_attributes")),
    Row("tag.create, there before", "tag/SLA: Gold", ("POST", "/tags")),
    Row("tag.create", "tag/urgent", ("POST", "/tags"), 2, 3),
    Row("company.upsert, there before", "company/c1", ("PUT", "/companies/{company_id}")),
    Row("company.upsert", "company/c2", ("POST", "/companies")),
    Row("contact.upsert, there before", "contact/u1", ("PUT", CONTACT)),
    Row("contact.upsert", "contact/u4", ("POST", "/contacts"), 1, 2),
    Row("contact.upsert, changed", "contact/u4", ("PUT", CONTACT), action="update", later=True),
    Row("contact.email", "contact/u5/email", ("PUT", CONTACT), 2, 3),
    Row("contact.company", "contact/u1/company/c2", ("POST", f"{CONTACT}/companies")),
    Row("contact.tag", "contact/u1/tag/SLA: Gold", ("POST", f"{CONTACT}/tags")),
    Row("conversation.create", LANE, ("POST", "/conversations")),
    Row(
        "conversation.participant",
        f"{LANE}/participant/contact/u5",
        ("POST", f"{CONVERSATION}/customers"),
    ),
    Row("conversation.reply, comment", f"{LANE}/part/a8-1", ("POST", f"{CONVERSATION}/reply"), 1, 1),
    Row("conversation.reply, note with a file", f"{LANE}/part/a8-2", ("POST", f"{CONVERSATION}/reply"), 2, 3),
    Row("conversation.reply, of a contact", f"{LANE}/part/a8-3", ("POST", f"{CONVERSATION}/reply"), 3, 5),
    Row("conversation.attribute", f"{LANE}/title", ("PUT", CONVERSATION)),
    Row("conversation.tag", f"{LANE}/tag/urgent", ("POST", f"{CONVERSATION}/tags")),
    Row("conversation.assignment", f"{LANE}/team", ("POST", f"{CONVERSATION}/parts"), 1, 1),
    Row("conversation.state", f"{LANE}/state", ("POST", f"{CONVERSATION}/parts"), 3, 4),
    Row("collection.create", "collection/s0", ("POST", "/help_center/collections")),
    Row("article.create", "article/s1", ("POST", "/articles")),
    Row(
        "contact.company, taken back",
        "contact/u5/company/c2",
        ("DELETE", f"{CONTACT}/companies/{{company_id}}"),
        action="undo",
        later=True,
    ),
    Row(
        "contact.tag, taken back",
        "contact/u4/tag/urgent",
        ("DELETE", f"{CONTACT}/tags/{{tag_id}}"),
        action="undo",
        later=True,
    ),
    Row(
        "conversation.participant, taken back",
        f"{LANE}/participant/contact/u5",
        ("DELETE", f"{CONVERSATION}/customers/{{contact_id}}"),
        action="undo",
        later=True,
    ),
    Row(
        "conversation.tag, taken back",
        f"{LANE}/tag/urgent",
        ("DELETE", f"{CONVERSATION}/tags/{{tag_id}}"),
        action="undo",
        later=True,
    ),
)


@dataclass(frozen=True)
class Column:
    """Faults that end alike.

    Attributes:
        name: in the published table.
        word: what becomes of a step, unless the log says otherwise.
        faults: of the simulator.
    """

    name: str
    word: str
    faults: tuple[tuple[str, str], ...] = ()


ERRORS = ("status:408", "status:500", "status:502", "status:503", "status:504")
SPOILT = ("truncate", "half_json", "not_json")
KILLED = {
    "before the intent": Column("killed before the intent", "sent then"),
    "after the intent": Column("killed after the intent", "sent then"),
    "before the answer": Column("killed after the commit, before the answer", "there already"),
    "before the receipt": Column("killed after the answer, before the receipt", "there already"),
    "after the receipt": Column("killed after the receipt", "done"),
}
MET = (
    Column("cut while sending", "sent again", (("before", "cut_sending"),)),
    Column("cut, not in effect", "sent again", (("before", "drop"), *(("before", do) for do in SPOILT))),
    Column("cut, in effect", "there already", (("after_commit", "drop"),)),
    Column("5xx or 408, not in effect", "sent again", tuple(("before", do) for do in ERRORS)),
    Column("5xx or 408, in effect", "there already", tuple(("after_commit", do) for do in ERRORS)),
    Column("torn or foreign answer, in effect", "there already", tuple(("after_commit", do) for do in SPOILT)),
    Column(
        "429, with and without headers", "waits, sent again", (("before", "status:429"), ("before", "status:429:bare"))
    ),
    Column("slow answer", "waits", (("after_commit", "trickle:0.01"),)),
)
REVOKED = Column("401", "run stops; sent then", (("before", "status:401"),))
FULL = {
    "intents": Column("ledger full at the intent", "run stops; sent then"),
    "receipts": Column("ledger full at the receipt", "there already"),
}
COLUMNS = (*KILLED.values(), *MET, REVOKED, *FULL.values())
FOUND, AGAIN, REFUSED, GONE, NONE = "found", "again, no effect", "refused: is ours", "gone already", "-"


@dataclass
class Stages:
    """Folders and contents of an undisturbed load, from which each case starts.

    Attributes:
        first: the content after the first build's load.
        second: and after the second one's.
        log: requests of both.
    """

    folder: Path
    first: list[dict[str, Any]] = field(default_factory=list)
    second: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    first_log: list[dict[str, Any]] = field(default_factory=list)
    first_ledger: list[tuple[Any, ...]] = field(default_factory=list)
    second_ledger: list[tuple[Any, ...]] = field(default_factory=list)

    @classmethod
    def prepare(cls, folder: Path) -> "Stages":
        """Build twice, load twice, and keep what there was before each load."""
        stages = cls(folder)
        start, loaded = folder / "start", folder / "loaded"
        start.mkdir()
        with Workspace(start / "workspace.sqlite") as workspace:
            ids = seed(workspace)
            know(workspace)
            with serve(workspace, Options(workspace_id=WORKSPACE_ID)) as served:
                httpx.post(
                    f"{served.base_url}/companies",
                    json=KNOWN_COMPANY_AS_IT_WAS,
                    headers={"Authorization": "Bearer a person's", "Intercom-Version": "2.16"},
                ).raise_for_status()
            with workspace.transaction() as tx:  # a company's age tells whether a load made it
                tx.execute("update companies set created_at = created_at - 86400")
                tx.execute("delete from requests")
        plan = whole_plan(ids)
        plan.write(start / "warehouse.duckdb")
        with stages.rehearse("start", folder / "first") as rehearsal:
            assert rehearsal.apply(workers=1).exit_code == 0
            stages.first, stages.first_log = rehearsal.content(), rehearsal.workspace.requests()
            stages.first_ledger = settled(rehearsal)
        shutil.copytree(folder / "first", loaded)
        change_of_mind(plan)
        plan.write(loaded / "warehouse.duckdb")
        with stages.rehearse("loaded", folder / "second") as rehearsal:
            assert rehearsal.apply(workers=1).exit_code == 0
            stages.second, stages.log = rehearsal.content(), rehearsal.workspace.requests()
            stages.second_ledger = settled(rehearsal)
        return stages

    @contextmanager
    def rehearse(self, stage: str, place: Path, **options: Any) -> Iterator[Rehearsal]:
        """Start from a copy of a stage."""
        shutil.copytree(self.folder / stage, place)
        started: list[Rehearsal] = []
        chosen = Options(
            workspace_id=WORKSPACE_ID,
            rate_limit=UNLIMITED,
            clock=lambda: started[0].clock.time() if started else 0.0,
            **options,
        )
        with (
            Workspace(place / "workspace.sqlite") as workspace,
            serve(workspace, chosen) as served,
            patch("load.permissions.PROBES", ()),  # they would be taken for what is tried here
        ):
            ids = seed(workspace)
            started.append(Rehearsal(place, workspace, served.base_url, ids, whole_plan(ids)))
            yield started[0]

    def agree(self, rehearsal: Rehearsal, build: int) -> None:
        """Assert that workspace and ledger are as after an undisturbed load, with what was made and what adopted."""
        content, ledger = ((self.first, self.first_ledger), (self.second, self.second_ledger))[build - 1]
        assert rehearsal.content() == content
        assert sorted(set(settled(rehearsal)) ^ set(ledger)) == []

    def build_again(self, rehearsal: Rehearsal) -> None:
        """The second build."""
        change_of_mind(rehearsal.plan)
        rehearsal.build()


def settled(rehearsal: Rehearsal) -> list[tuple[Any, ...]]:
    """What the ledger says of each slot, without ids and times."""
    with sqlite3.connect(rehearsal.ledger) as db:
        return db.execute(
            "select slot, outcome, content_hash, intercom_id is null, undo is null, visibility from settled"
            " order by slot"
        ).fetchall()


def rules(rows: Sequence[Row], when: str, do: str) -> tuple[Fault, ...]:
    """A fault at the first attempt of each row."""
    late = do.startswith("trickle")  # nothing is repeated after it
    return tuple(
        Fault(
            *row.request,
            nth=row.tries if when == "before" else row.among + (0 if late else _repeated(row, rows)),
            when=when,  # type: ignore[arg-type]
            do=do,
        )
        for row in rows
        if row.request is not None
    )


def _repeated(row: Row, rows: Sequence[Row]) -> int:
    """Rows of the same write before it whose repetition is accepted as well."""
    before = rows[: rows.index(row)]
    return sum(
        other.request == row.request and other.request in {("POST", "/tags"), ("PUT", CONTACT)} for other in before
    )


def outcomes(
    rehearsal: Rehearsal, rows: Sequence[Row], undisturbed: Sequence[Mapping[str, Any]], word: str
) -> dict[str, str]:
    """What became of each row, from the ledger and the simulator's log of requests."""
    with sqlite3.connect(rehearsal.ledger) as db:
        intents = db.execute("select items, action from intents where outcome = 'found'").fetchall()
    found = {(re.findall(r'^\[\["([^"]+)"', items)[0], action) for items, action in intents}
    log = rehearsal.workspace.requests()
    said = {}
    for row in rows:
        said[row.name] = word
        if (row.slot, row.action) in found:
            said[row.name] = FOUND
        elif row.request is not None:
            extra = _counted(log, row.request)
            extra.subtract(_counted(undisturbed, row.request))
            if extra["accepted"] > 0:
                said[row.name] = AGAIN
            elif extra["refused"] > 0:
                said[row.name] = GONE if row.request[0] == "DELETE" else REFUSED
    return said


def _counted(log: Sequence[Mapping[str, Any]], request: tuple[str, str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    writes = {("POST", "/contacts"), ("PUT", CONTACT)}
    contacts = [entry for entry in log if (entry["method"], entry["template"]) in writes]
    adopted = [refused["id"] for refused, then in pairwise(contacts) if then["method"] == "PUT"]
    for entry in log:
        if (entry["method"], entry["template"]) == request:
            counted["accepted"] += entry["accepted"]
            refused = entry["fault"] is None and not entry["accepted"] and entry["status"] not in {401, 429}
            counted["refused"] += refused and entry["id"] not in adopted
    return counted


def published() -> dict[str, dict[str, str]]:
    """The tables of CRASHES.md: column to row to word."""
    table: dict[str, dict[str, str]] = {}
    header: list[str] = []
    for line in PUBLISHED.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "kind":
            header = cells
        elif not line.startswith("|"):
            header = []
        elif header and not cells[0].startswith("---"):
            for name, word in zip(header[1:], cells[1:], strict=True):
                table.setdefault(name, {})[cells[0]] = word
    return table
