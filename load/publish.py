"""Copies the receipts into the warehouse, where the next build reads what has been placed already.

`raw_ledger.receipts` has one row per settled slot: its latest effective receipt. A slot that was taken back
has none. `raw_ledger.workspace` names the workspace that they are of, the one of the ledger in the settings, and
`raw_ledger.loads` keeps a line about each workspace that was ever published: a sandbox and production are loaded from
one warehouse in turn, each with a ledger of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import select

from load.clock import Clock, SystemClock
from load.errors import LedgerUnknownError, WorkspaceError
from load.ledger import SETTLED, WORKSPACE, Ledger, belongs_to_another
from load.settings import Settings
from load.warehouse import LOCK_WAITS, is_locked, locked_message, placed, reading

_ROWS = 50_000

_SCHEMA = pa.schema(
    [
        ("slot", pa.string()),
        ("content_hash", pa.string()),
        ("payload_hash", pa.string()),
        ("kind", pa.string()),
        ("creates", pa.string()),
        ("intercom_id", pa.string()),
        ("outcome", pa.string()),
        ("source_table", pa.string()),
        ("source_id", pa.string()),
        ("visibility", pa.string()),
        ("receipt_id", pa.int64()),
        ("received_at", pa.timestamp("us")),
    ]
)

_TABLES = """
    create schema if not exists raw_ledger;
    create or replace table raw_ledger.receipts (
        slot varchar, content_hash varchar, payload_hash varchar, kind varchar, creates varchar,
        intercom_id varchar, outcome varchar, source_table varchar, source_id varchar, visibility varchar,
        receipt_id bigint, received_at timestamp
    );
    create or replace table raw_ledger.workspace (workspace_id varchar, region varchar);
    create table if not exists raw_ledger.loads (
        workspace_id varchar primary key, receipts bigint, published_at timestamp
    );
"""


@dataclass(frozen=True)
class Published:
    """What came of publishing.

    Attributes:
        receipts: rows written; None when the warehouse was held by another program.
        message: who holds it; None when it was written.
    """

    receipts: int | None
    message: str | None = None


def publish(ledger_path: Path, warehouse_path: Path, *, clock: Clock | None = None, patient: bool = True) -> Published:
    """Replace `raw_ledger` in the warehouse by what the ledger says, in one transaction.

    Without a ledger the tables are there and empty. When another program holds the warehouse nothing is
    changed, and the next build does it.

    Args:
        ledger_path: the SQLite file; may be missing.
        warehouse_path: the DuckDB file; created when missing.
        clock: where time comes from.
        patient: wait some seconds for the other program.
    """
    clock = clock or SystemClock()
    waits = [*LOCK_WAITS, None] if patient else [None]
    for seconds in waits:
        try:
            connection = duckdb.connect(str(warehouse_path))
        except duckdb.IOException as error:
            if not is_locked(error):
                raise
            if seconds is None:
                return Published(None, locked_message(warehouse_path, error))
            clock.sleep(seconds)
        except duckdb.ConnectionException as error:  # open in this very process, in another way
            return Published(None, f"the warehouse {warehouse_path} is open in this program: {error}")
        else:
            with connection:
                return Published(_write(connection, ledger_path, clock))
    raise AssertionError


def _write(db: duckdb.DuckDBPyConnection, ledger_path: Path, clock: Clock) -> int:
    rows = 0
    db.execute("begin transaction")
    db.execute(_TABLES)
    if ledger_path.is_file():
        with Ledger(ledger_path) as ledger:
            bound = ledger.workspace()
            if bound is not None:
                db.execute("insert into raw_ledger.workspace values (?, ?)", bound)
            for batch in _batches(ledger):
                db.register("receipts_batch", batch)
                db.execute("insert into raw_ledger.receipts select * from receipts_batch")
                db.unregister("receipts_batch")
                rows += batch.num_rows
            if bound is not None:
                now = datetime.fromtimestamp(clock.time(), UTC).replace(tzinfo=None)
                db.execute("insert or replace into raw_ledger.loads values (?, ?, ?)", [bound[0], rows, now])
    db.execute("commit")
    return rows


def _batches(ledger: Ledger) -> Iterator[pa.Table]:
    fields = [field for field in _SCHEMA if field.name != "received_at"]
    columns = [SETTLED.c[field.name] for field in fields]
    with ledger.engine.connect().execution_options(yield_per=_ROWS) as connection:
        for rows in connection.execute(select(*columns, SETTLED.c.received_at)).partitions():
            arrays = [pa.array([row[place] for row in rows], field.type) for place, field in enumerate(fields)]
            times = pa.array([int(row[-1] * 1_000_000) for row in rows], pa.timestamp("us"))
            yield pa.Table.from_arrays([*arrays, times], schema=_SCHEMA)


def check_ledger(settings: Settings, *, clock: Clock | None = None) -> None:
    """Make sure that the ledger is the one of the workspace in the settings, and knows what the warehouse knows.

    Raises:
        WorkspaceError: it belongs to another workspace.
        LedgerUnknownError: it knows nothing, but the warehouse was loaded into this workspace before.
        WarehouseLockedError: another program holds the warehouse.
    """
    wanted = settings.intercom.workspace_id
    bound = workspace_of(settings.ledger)
    if bound is not None:
        if wanted and bound != wanted:
            raise WorkspaceError(belongs_to_another(settings.ledger, bound, wanted))
        return
    if not settings.warehouse.is_file():
        return
    with reading(settings.warehouse, clock or SystemClock()) as db:
        receipts = placed(db, wanted)
    if receipts:
        raise LedgerUnknownError(
            f"this warehouse was loaded into the workspace {wanted} before ({receipts:,} receipts), but the ledger "
            f"{settings.ledger.resolve()} knows nothing of it. Going on would send everything twice. Set LEDGER__PATH "
            "to the ledger of that load. If that workspace was emptied on purpose: `delete from raw_ledger.receipts` "
            f"and `delete from raw_ledger.loads where workspace_id = '{wanted}'` in the warehouse."
        )


def workspace_of(ledger_path: Path) -> str | None:
    """The workspace that a ledger belongs to; None when there is no ledger or nothing was loaded."""
    if not ledger_path.is_file():
        return None
    with Ledger(ledger_path) as ledger, ledger.engine.connect() as db:
        found: str | None = db.scalar(select(WORKSPACE.c.workspace_id))
        return found


def load_times(ledger_path: Path) -> list[datetime]:
    """When the loads of a ledger began, naive UTC; none without a ledger."""
    if not ledger_path.is_file():
        return []
    with Ledger(ledger_path) as ledger:
        return [datetime.fromtimestamp(at, UTC).replace(tzinfo=None) for at in ledger.run_starts()]
