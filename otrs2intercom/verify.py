"""Reads the loaded conversations back and lets dbt compare them, field by field."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from extract.intercom import read_back
from load.client import Client
from load.engine import check_workspace
from load.publish import publish
from load.settings import Settings
from otrs2intercom import transform

MODELS = ("verification", "differences")


class NothingLoadedError(Exception):
    """There is nothing to verify yet."""

    exit_code = 3


@dataclass(frozen=True)
class Verification:
    """What came of a verification.

    Attributes:
        tickets: tickets that the plan loads.
        verified: of these, how many were found without any difference.
        excluded: tickets that are not loaded, with a reason.
        conversations: conversations wanted.
        fields: compared fields by status: identical, modified, missing, added.
        differences: the first of them.
    """

    tickets: int
    verified: int
    excluded: int
    conversations: int
    fields: dict[str, int]
    differences: list[dict[str, Any]]

    @property
    def clean(self) -> bool:
        """Whether everything is as it was wanted."""
        return self.tickets == self.verified and set(self.fields) <= {"identical"}


def verify(
    settings: Settings,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    csv_path: Path | None = None,
    quiet: bool = True,
) -> Verification:
    """Read back every loaded conversation and compare.

    Args:
        settings: where everything is.
        on_progress: called with conversations read and in all.
        csv_path: where to write every difference.
        quiet: show dbt's errors only.

    Raises:
        NothingLoadedError: the ledger holds no conversation.
        TransformError: dbt could not compare.
    """
    transform.require_warehouse_free(settings.warehouse)
    publish(settings.ledger, settings.warehouse)
    total = _count(settings.warehouse)
    if total == 0:
        raise NothingLoadedError(
            "Nothing was loaded yet, so there is nothing to verify. Run `otrs2intercom apply --execute` first."
        )
    with Client(settings.intercom) as client:
        check_workspace(client, settings.intercom)
        read_back(
            client.fetch,
            settings.warehouse,
            _ids(settings.warehouse),
            on_progress=lambda done: on_progress(done, total),
        )
    if not transform.dbt(settings, ["run", "--select", *MODELS], quiet=quiet):
        raise transform.TransformError("dbt could not compare what was read back; the lines above say why.")
    if csv_path is not None:
        _write_csv(settings.warehouse, csv_path)
    return _result(settings)


_CONVERSATIONS = "from raw_ledger.receipts where kind = 'conversation.create' and intercom_id is not null"


def _count(warehouse: Path) -> int:
    with duckdb.connect(str(warehouse)) as db:
        row = db.execute(f"select count(*) {_CONVERSATIONS}").fetchone()
    return int(row[0]) if row else 0


def _ids(warehouse: Path) -> Iterator[str]:
    last = ""
    while True:
        with duckdb.connect(str(warehouse)) as db:
            page = db.execute(
                f"select intercom_id {_CONVERSATIONS} and intercom_id > ? order by intercom_id limit 5000",
                [last],
            ).fetchall()
        if not page:
            return
        for (conversation_id,) in page:
            yield conversation_id
        last = page[-1][0]


def _write_csv(warehouse: Path, path: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as db, path.open("w", newline="", encoding="utf-8") as file:
        cursor = db.execute("from reconciliation.differences order by all")
        writer = csv.writer(file)
        writer.writerow([column[0] for column in cursor.description or ()])
        while rows := cursor.fetchmany(1000):
            writer.writerows(rows)


def _result(settings: Settings) -> Verification:
    [counts] = transform.rows(
        settings,
        "select"
        " (select count(distinct otrs_ticket_id) from intercom.conversations) as tickets,"
        " (select count(*) from intercom.conversations) as conversations,"
        " (select count(*) from reconciliation.exclusions where source_table = 'ticket') as excluded,"
        " (select count(distinct otrs_ticket_id) from intercom.conversations where otrs_ticket_id in"
        "   (select c.otrs_ticket_id from reconciliation.differences d"
        "    join intercom.conversations c on c.conversation_key = d.conversation_key)) as different",
    )
    statuses = transform.rows(
        settings, "select status, count(*) as number from reconciliation.verification group by status"
    )
    return Verification(
        tickets=counts["tickets"],
        verified=counts["tickets"] - counts["different"],
        excluded=counts["excluded"],
        conversations=counts["conversations"],
        fields={row["status"]: row["number"] for row in statuses},
        differences=transform.rows(
            settings,
            # Without the values, which are the customers': a terminal or a script's log is no place for them.
            "select conversation_key, part_key, field, status from reconciliation.differences order by all limit 10",
        ),
    )
