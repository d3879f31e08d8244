"""Reads everything loaded back and lets dbt compare it, field by field.

What is compared is the plan's own final tables; what is read is what the ledger says was loaded for them. Whatever
comes back otherwise is a difference, or follows a rule that has a name (`reconciliation.verification_rules`).
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import select

from extract.intercom.readback import ReadBack, Written, read_back
from load.client import Client
from load.downloads import Downloads
from load.engine import check_workspace
from load.ledger import DEAD_LETTERS, RECEIPTS, RUNS, Ledger
from load.publish import publish
from load.rollback.endings import ROLLBACK
from load.settings import Settings
from otrs2intercom import transform

MODELS = (
    "stg_intercom__read_back",
    "stg_intercom__read_back_files",
    "stg_intercom__read_back_targets",
    "tag:verify",
)
"""What dbt makes of a reading."""

WORKERS = 32
"""Requests under way at once; with answers after 200 ms that is the whole of a large budget, 160 a second."""

_OBJECTS = {
    "conversation": "conversation",
    "contact": "contact",
    "company": "company",
    "collection": "collection",
    "help_centre_article": "article",
}
"""Beginning of a slot, and the object that is read back for it."""


class NothingLoadedError(Exception):
    """There is nothing to verify yet."""

    exit_code = 3


@dataclass(frozen=True)
class Verification:
    """What came of a verification.

    Attributes:
        tickets: tickets that were looked at.
        verified: of these, how many were found without any difference that no rule explains.
        excluded: tickets that are not loaded, with a reason.
        conversations: conversations looked at.
        planned: conversations of the plan.
        fields: compared fields by status: identical, explained; and modified, missing, added, which no rule explains.
        objects: compared fields by kind of object.
        explained: differences by the rule that explains them.
        differences: the first of those that no rule explains, without their values.
        sample: conversations that were chosen, by hash and each time the same; None for all.
        is_of_selection: only what was loaded is compared, since the last run was of a selection.
        read: objects read back by this run.
        kept: objects read back by an earlier run, which was killed.
        files: files whose bytes were compared.
        since: when the oldest of it was read, UTC.
    """

    tickets: int
    verified: int
    excluded: int
    conversations: int
    planned: int
    fields: dict[str, int]
    objects: dict[str, int]
    explained: dict[str, int]
    differences: list[dict[str, Any]]
    sample: int | None = None
    is_of_selection: bool = False
    read: int = 0
    kept: int = 0
    files: int = 0
    since: datetime | None = None

    @property
    def differing(self) -> int:
        """Fields that differ and no rule explains."""
        return sum(number for status, number in self.fields.items() if status not in {"identical", "explained"})

    @property
    def clean(self) -> bool:
        """Whether everything is as it was wanted, or otherwise by a rule with a name."""
        return self.differing == 0 and self.tickets == self.verified

    def as_data(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**vars(self), "differing": self.differing, "clean": self.clean}


def verify(
    settings: Settings,
    *,
    sample: int | None = None,
    with_files: bool = True,
    fresh: bool = False,
    workers: int = WORKERS,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    csv_path: Path | None = None,
    quiet: bool = True,
) -> Verification:
    """Read back what was loaded and compare.

    A run that was killed is gone on with: what it had read is kept, apart from what was written to since.

    Args:
        settings: where everything is.
        sample: conversations to look at, with all that they refer to; chosen by a hash of their key, so each time
            the same. None for all. Definitions, tags and the help centre are always looked at in full.
        with_files: fetch the files of the conversations, and compare their bytes.
        fresh: read everything anew.
        workers: requests under way at once.
        on_progress: called with objects read and in all.
        csv_path: where to write every difference, explained or not.
        quiet: show dbt's errors only.

    Raises:
        NothingLoadedError: the ledger holds no conversation.
        TransformError: dbt could not compare.
        StoppedError: Intercom refuses the token or does not answer. What was read is kept.
    """
    transform.require_warehouse_free(settings.warehouse)
    publish(settings.ledger, settings.warehouse)
    if not _is_loaded(settings.warehouse):
        raise NothingLoadedError(
            "Nothing was loaded yet, so there is nothing to verify. Run `otrs2intercom apply --execute` first."
        )
    with Ledger(settings.ledger) as ledger:
        selection = _selection(ledger)
        targets = targets_of(sample, _left_over(ledger) if selection else None)
        with Client(settings.intercom, connections=workers) as client, Downloads(connections=workers) as downloads:
            check_workspace(client, settings.intercom)
            reading = read_back(
                client.fetch,
                settings.warehouse,
                targets,
                workspace_id=settings.intercom.workspace_id,
                fetch_file=downloads.fetch if with_files else None,
                written_since=lambda moment: _written_since(ledger, moment),
                fresh=fresh,
                workers=workers,
                on_progress=on_progress,
            )
    if not transform.dbt(settings, ["run", "--select", *MODELS], quiet=quiet):
        raise transform.TransformError("dbt could not compare what was read back; the lines above say why.")
    if csv_path is not None:
        _write_csv(settings.warehouse, csv_path)
    return _result(settings, reading, sample=sample, is_of_selection=selection is not None)


def _is_loaded(warehouse: Path) -> bool:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        row = db.execute(
            "select 1 from raw_ledger.receipts where kind = 'conversation.create' and intercom_id is not null limit 1"
        ).fetchone()
    return row is not None


def _selection(ledger: Ledger) -> Any:
    """The selection of the last load; None when it was of everything."""
    loads = select(RUNS.c.selection).where(RUNS.c.plan_hash.not_like(f"{ROLLBACK}%"))
    with ledger.engine.connect() as db:
        found = db.scalar(loads.order_by(RUNS.c.started_at.desc()).limit(1))
    return json.loads(found) or None if found else None


def _left_over(ledger: Ledger) -> list[str]:
    """Lanes of what was to be loaded and was not."""
    with ledger.engine.connect() as db:
        return sorted(db.scalars(select(DEAD_LETTERS.c.lane).distinct()))


def targets_of(sample: int | None, left_over: list[str] | None) -> str:
    """SQL of what to read back: object, object_key, intercom_id, is_of_selection.

    Args:
        sample: conversations to choose; None for all.
        left_over: after a run of a selection, the lanes that it left over; else None.
    """
    lanes = json.dumps(left_over or []).replace("'", "''")
    chosen = "true" if left_over is None else "ids.intercom_id is not null or known.lane is not null"
    some = "" if sample is None else f"order by md5(conversation_key) limit {int(sample)}"
    everybody = sample is None
    return f"""
    with ids as (
        select creates as object_key, intercom_id from raw_ledger.receipts
        where creates is not null
    ),
    known as (select unnest(from_json('{lanes}', '["VARCHAR"]')) as lane),
    planned as (
        select 'conversation' as object, conversation_key as object_key, 'conversation/' || conversation_key as lane
        from intercom.conversations
        union all select 'contact', contact_key, 'contact/' || contact_key from intercom.contacts
        union all select 'company', company_key, 'company/' || company_key from intercom.companies
        union all select 'collection', collection_key, 'collection/' || collection_key from intercom.collections
        union all select 'article', article_key, 'help_centre_article/' || article_key from intercom.articles
    ),
    wanted as (
        select planned.object, planned.object_key, ids.intercom_id
        from planned
        left join ids on planned.lane = ids.object_key
        left join known on planned.lane = known.lane
        where {chosen}
    ),
    conversations as (
        select c.* from intercom.conversations as c
        semi join wanted on wanted.object = 'conversation' and c.conversation_key = wanted.object_key
        {some}
    ),
    people as (
        select contact_key from conversations
        union
        select p.contact_key from intercom.conversation_participants as p semi join conversations
        using (conversation_key)
        union
        select p.author_key from intercom.conversation_parts as p semi join conversations
        using (conversation_key) where p.part_type = 'contact_comment'
    ),
    groups as (
        select company_key from conversations
        union
        select m.company_key from intercom.contact_companies as m semi join people using (contact_key)
    )
    select object, object_key, intercom_id, {left_over is not None} as is_of_selection
    from wanted
    where case object
        when 'conversation' then object_key in (select conversation_key from conversations)
        when 'contact' then {everybody} or object_key in (select contact_key from people)
        when 'company' then {everybody} or object_key in (select company_key from groups)
        else true
    end
    union all
    -- what an earlier load made and the plan has given up
    select 'conversation', replace(creates, 'conversation/', ''), intercom_id, {left_over is not None}
    from raw_ledger.receipts
    where kind = 'conversation.create' and {everybody}
        and creates not in (select lane from planned where object = 'conversation')
    """


def _written_since(ledger: Ledger, moment: datetime) -> Iterator[Written]:
    query = select(RECEIPTS.c.slot, RECEIPTS.c.received_at).where(
        RECEIPTS.c.received_at >= moment.replace(tzinfo=UTC).timestamp()
    )
    with ledger.engine.connect().execution_options(yield_per=10_000) as db:
        for row in db.execute(query):
            slot, received_at = str(row[0]), float(row[1])
            kind, _, rest = slot.partition("/")
            if kind in _OBJECTS:
                at = datetime.fromtimestamp(received_at, UTC).replace(tzinfo=None)
                yield _OBJECTS[kind], rest.partition("/")[0], at


def _write_csv(warehouse: Path, path: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as db, path.open("w", newline="", encoding="utf-8") as file:
        cursor = db.execute(
            "select object, object_key, part_key, intercom_id, field, status, rule, expected, actual"
            " from reconciliation.verification where status != 'identical'"
            " order by rule is not null, rule, object, object_key, part_key, field, expected, actual"
        )
        writer = csv.writer(file)
        writer.writerow([column[0] for column in cursor.description or ()])
        while rows := cursor.fetchmany(1000):
            writer.writerows(rows)


def _result(settings: Settings, reading: ReadBack, *, sample: int | None, is_of_selection: bool) -> Verification:
    [counts] = transform.rows(
        settings,
        "with looked_at as (select otrs_ticket_id, conversation_key from intercom.conversations"
        "   semi join raw_intercom.read_back_targets on object = 'conversation' and object_key = conversation_key)"
        " select (select count(distinct otrs_ticket_id) from looked_at) as tickets,"
        " (select count(*) from looked_at) as conversations,"
        " (select count(*) from intercom.conversations) as planned,"
        " (select count(*) from reconciliation.exclusions where source_table = 'ticket') as excluded,"
        " (select count(distinct otrs_ticket_id) from looked_at where conversation_key in"
        "   (select object_key from reconciliation.differences where object in ('conversation', 'part', 'file'))"
        " ) as different",
    )
    counted = transform.rows(
        settings,
        "select object, case when status = 'identical' or rule is null then status else 'explained' end as status,"
        " rule, count(*) as number from reconciliation.verification group by all order by all",
    )
    return Verification(
        tickets=counts["tickets"],
        verified=counts["tickets"] - counts["different"],
        excluded=counts["excluded"],
        conversations=counts["conversations"],
        planned=counts["planned"],
        fields=_summed(counted, "status"),
        objects=_summed(counted, "object"),
        explained=_summed([row for row in counted if row["rule"] is not None], "rule"),
        differences=transform.rows(
            settings,
            # without the values: what customers wrote stays in the warehouse
            "select object, object_key, part_key, intercom_id, field, status from reconciliation.differences"
            " order by all limit 10",
        ),
        sample=sample,
        is_of_selection=is_of_selection,
        read=reading.asked,
        kept=reading.kept,
        files=reading.files,
        since=reading.since,
    )


def _summed(rows: list[dict[str, Any]], name: str) -> dict[str, int]:
    summed: dict[str, int] = {}
    for row in rows:
        summed[row[name]] = summed.get(row[name], 0) + row["number"]
    return summed
