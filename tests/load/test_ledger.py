"""The ledger remembers, belongs to one workspace, and is held by one run."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from load.errors import LedgerInUseError, LedgerWriteError, WorkspaceError
from load.ledger import DeadLetter, Item, Ledger, Receipt, exclusive, holder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def receipt(slot: str, content: str = "c", outcome: str = "created", intercom_id: str | None = "1") -> Receipt:
    return Receipt(slot, slot, 3, "contact.upsert", content, "p", slot, "report", intercom_id, outcome)


def test_an_intent_without_receipt_is_open_after_reopening(path: Path) -> None:
    with Ledger(path) as ledger:
        run = ledger.start_run("hash")
        item = Item("contact/1", "c", "p", "contact/1", "report")
        ledger.open_intent(run, 3, "contact/1", "contact.upsert", "send", [item], {"author": "x"})
        done = ledger.open_intent(run, 3, "contact/2", "contact.upsert", "send", [item], None)
        ledger.close_intent(done, "answered", run_id=run, receipts=[receipt("contact/2")])
    with Ledger(path) as ledger:
        (intent,) = ledger.open_intents()
        assert (intent.items, intent.fingerprint) == ((item,), {"author": "x"})
        assert list(ledger.uncertain_slots()) == ["contact/1"]
        assert ledger.object_id("contact/2") is not None
        assert ledger.object_id("contact/1") is None


def test_the_latest_receipt_counts_and_an_undone_slot_counts_as_none(path: Path) -> None:
    with Ledger(path) as ledger:
        run = ledger.start_run("hash")
        for content, outcome in (("a", "created"), ("b", "set")):
            ledger.note(run, receipts=[receipt("contact/1", content, outcome)])
            assert ledger.settled(3, ["contact/1"])["contact/1"].content_hash == content
        ledger.note(run, receipts=[receipt("contact/1", "b", "undone")])
        assert ledger.settled(3, ["contact/1"]) == {}
        assert ledger.object_id("contact/1") is None


def test_a_settled_slot_is_found_in_whatever_lane_it_is(path: Path) -> None:
    with Ledger(path) as ledger:
        run = ledger.start_run("hash")
        ledger.note(run, receipts=[receipt("contact/1")])
        assert list(ledger.settled(9, ["another lane"], ["contact/1"])) == ["contact/1"]


def test_many_workers_write_into_few_transactions(path: Path) -> None:
    with Ledger(path) as ledger, ThreadPoolExecutor(16) as pool:
        run = ledger.start_run("hash")
        list(pool.map(lambda n: ledger.note(run, receipts=[receipt(f"contact/{n}")]), range(400)))
        assert ledger.commits < 400
        assert len(ledger.settled(3, [f"contact/{n}" for n in range(400)])) == 400


def test_it_refuses_another_workspace(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.bind("one", "EU")
        ledger.bind("one", "EU")
        with pytest.raises(WorkspaceError, match="belongs to workspace one"):
            ledger.bind("two", "EU")


def test_a_settled_slot_is_no_dead_letter_any_more(path: Path) -> None:
    letter = DeadLetter(
        "contact/1", "contact/1", 3, "k", "p", "contact/1", "refused", 400, "c", "m", "r", None, "x", 1.0
    )
    with Ledger(path) as ledger:
        run = ledger.start_run("hash")
        ledger.note(run, dead=[letter])
        assert ledger.dead_letter_of("contact/1") == letter
        ledger.note(run, receipts=[receipt("contact/1")])
        assert ledger.dead_letter_of("contact/1") is None


def test_only_one_run_holds_it_and_the_second_is_told_who(path: Path) -> None:
    script = f"""
import sys, pathlib; sys.path[:0] = {[str(Path(__file__).resolve().parents[2])]!r}
from load.ledger import exclusive
with exclusive(pathlib.Path({str(path)!r})):
    print("held", flush=True); sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(LedgerInUseError, match=f"process {other.pid} on"), exclusive(path):
        pass
    assert f"process {other.pid}" in (holder(path) or "")
    other.kill()
    other.wait()
    assert holder(path) is None
    with exclusive(path):
        assert holder(path) is not None


def test_only_one_run_holds_it_by_whatever_link_it_is_named(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(path)
    with exclusive(path):
        assert holder(link) is not None
        with pytest.raises(LedgerInUseError), exclusive(link):
            pass


def test_a_ledger_that_cannot_be_written_stops_everybody(path: Path) -> None:
    ledger = Ledger(path)
    run = ledger.start_run("hash")
    with ledger.engine.begin() as db:
        db.exec_driver_sql("drop table receipts")
    with pytest.raises(LedgerWriteError, match="Nothing is lost"):
        ledger.note(run, receipts=[receipt("contact/1")])
    ledger.close()


@pytest.mark.parametrize("broken", ["connect", "rollback"])
def test_nobody_waits_for_a_ledger_that_lost_its_file(path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def fail() -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    ledger = Ledger(path)
    run = ledger.start_run("hash")
    connection = SimpleNamespace(cursor=fail, rollback=fail, close=lambda: None)
    monkeypatch.setattr(ledger.engine, "raw_connection", fail if broken == "connect" else lambda: connection)
    refused: list[LedgerWriteError] = []

    def write() -> None:
        try:
            ledger.note(run, receipts=[receipt("contact/1")])
        except LedgerWriteError as error:
            refused.append(error)

    workers = [threading.Thread(target=write, daemon=True) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
    assert len(refused) == 3
    with pytest.raises(LedgerWriteError, match="disk I/O error"):
        ledger.note(run, receipts=[receipt("contact/1")])
    ledger.close()


def test_an_object_changed_last_when_it_was_made_or_taken_back(path: Path) -> None:
    with Ledger(path) as ledger:
        run = ledger.start_run("hash")
        ledger.note(
            run, receipts=[receipt("contact/1"), receipt("contact/2"), receipt("contact/1", "c", "rolled_back")]
        )
        keys = {"contact/1", "contact/2", "contact/3"}
        assert ledger.last_changes("contact.upsert", keys) == {"contact/1": 3, "contact/2": 2}
        assert ledger.last_changes("conversation.create", keys) == {}


def test_a_ledger_of_an_earlier_version_gets_the_indexes_that_came_since(path: Path) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("drop index receipts_creates")
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as db:
        query = "explain query plan select max(receipt_id) from receipts where creates in (?, ?)"
        assert "receipts_creates" in str(db.execute(query, ("a", "b")).fetchall())
