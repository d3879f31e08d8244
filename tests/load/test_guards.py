"""Nothing is written unless workspace, data and files are what they should be."""

import subprocess
import sys
from dataclasses import replace

import duckdb
import pytest
from rehearsals import Rehearsal, Rehearse

from load.engine import apply
from load.errors import GateError, SettingsError, WarehouseLockedError, WorkspaceError
from load.ledger import Ledger
from load.publish import publish
from load.simulator import Fault
from load.warehouse import reading


def test_another_workspace_is_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.intercom = {"workspace_id": "production"}
    with pytest.raises(WorkspaceError, match="belongs to workspace wslittle"):
        rehearsal.apply()
    assert rehearsal.accepted() == 0


def test_a_ledger_of_another_workspace_is_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    with Ledger(rehearsal.ledger) as ledger:
        ledger.bind("sandbox", "US")
    with pytest.raises(WorkspaceError, match="belongs to workspace sandbox"):
        rehearsal.apply()
    assert rehearsal.accepted() == 0


@pytest.mark.parametrize("name", ["access_token", "workspace_id"])
def test_a_missing_setting_is_named(rehearse: Rehearse, name: str) -> None:
    rehearsal = rehearse()
    rehearsal.intercom = {name: ""}
    with pytest.raises(SettingsError, match=f"INTERCOM__{name.upper()}"):
        rehearsal.apply()


def test_data_that_did_not_pass_is_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    rehearsal.build(passed=False)
    with pytest.raises(GateError, match="unmapped queues") as refused:
        rehearsal.apply()
    assert refused.value.exit_code == 3
    rehearsal.build()
    rehearsal.build(stale=True)
    with pytest.raises(GateError, match="changed since"):
        rehearsal.apply()
    assert rehearsal.accepted() == 0


def test_no_warehouse_and_an_empty_one_are_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    with pytest.raises(GateError, match="there is no warehouse"):
        rehearsal.apply()
    duckdb.connect(str(rehearsal.warehouse)).close()
    with pytest.raises(GateError, match="Run the build"):
        rehearsal.apply()


def test_a_kind_that_the_loader_does_not_know_is_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    rehearsal.plan.change("contact/u1", kind="contact.note")
    rehearsal.build()
    with pytest.raises(GateError, match=r"contact\.note"):
        rehearsal.apply()


def test_a_build_in_the_middle_stops_the_run(rehearse: Rehearse) -> None:
    started: list[Rehearsal] = []

    def build(_seen: object) -> None:
        started[0].build()

    fault = Fault("POST", "/contacts", nth=1, do=build)  # type: ignore[arg-type]
    started.append(rehearse(faults=(fault,)))
    result = started[0].apply()
    assert (result.state, result.exit_code) == ("stopped", 3)
    assert "built anew" in (result.reason or "")
    assert started[0].apply().exit_code == 0


HOLD = """
import duckdb, sys
db = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print(db.execute("select count(*) from intercom.requests").fetchone()[0], flush=True)
sys.stdin.read()
"""


def hold(rehearsal: Rehearsal, how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLD, str(rehearsal.warehouse), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == len(rehearsal.plan.lines)
    return process


def test_an_analyst_can_read_while_a_load_runs_and_keeps_only_the_receipts_waiting(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    analyst = hold(rehearsal, "read")
    try:
        result = rehearsal.apply()
        assert result.exit_code == 0
        assert result.published.receipts is None
        assert f"process {analyst.pid}" in (result.published.message or "")
    finally:
        analyst.kill()
        analyst.wait()
    assert publish(rehearsal.ledger, rehearsal.warehouse).receipts == len(rehearsal.plan.lines)


def test_an_analyst_can_open_the_warehouse_in_the_middle_of_a_load(rehearse: Rehearse) -> None:
    started: list[Rehearsal] = []
    analysts: list[subprocess.Popen[str]] = []

    def open_it(_seen: object) -> None:
        analysts.append(hold(started[0], "read"))
        analysts[0].kill()

    fault = Fault("POST", "/conversations", nth=2, do=open_it)  # type: ignore[arg-type]
    started.append(rehearse(faults=(fault,)))
    assert started[0].apply().exit_code == 0
    assert analysts[0].wait() != 0


def test_a_locked_warehouse_is_refused_with_the_name_of_the_holder(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    writer = hold(rehearsal, "write")
    try:
        with (
            pytest.raises(WarehouseLockedError, match=f"process {writer.pid}"),
            reading(rehearsal.warehouse, rehearsal.clock),
        ):
            pass
        assert rehearsal.clock.slept > 10
    finally:
        writer.kill()
        writer.wait()


def test_publishing_without_a_ledger_makes_empty_tables(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False)
    assert publish(rehearsal.ledger, rehearsal.warehouse).receipts == 0
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        assert db.execute("select count(*) from raw_ledger.receipts").fetchone() == (0,)
        assert db.execute("select count(*) from raw_ledger.workspace").fetchone() == (0,)
    assert not rehearsal.ledger.exists()


def test_the_folder_of_the_ledger_must_exist(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    settings = replace(rehearsal.settings, ledger=rehearsal.folder / "nowhere" / "ledger.sqlite")
    with pytest.raises(SettingsError, match="LEDGER__PATH"):
        apply(settings)
