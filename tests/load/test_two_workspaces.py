"""A sandbox and production are loaded from one warehouse, each with its own ledger; neither learns of the other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from little_plan import WORKSPACE_ID
from rehearsals import Rehearsal, Rehearse

from load import silence
from load.cli import current_plan
from load.engine import Result, apply
from load.errors import GateError, LedgerUnknownError, WorkspaceError
from load.publish import check_ledger, publish
from load.selection import Selection
from load.settings import Settings
from load.sign_off import sign_off


def rows(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return db.execute(query).fetchall()


def two(rehearse: Rehearse) -> tuple[Rehearsal, Rehearsal, Settings]:
    """Start a sandbox and a production workspace; the warehouse is the sandbox's. Returns production's settings."""
    sandbox = rehearse(tickets=range(1, 4), workspace_id="sandbox", build=False)
    sandbox.intercom = {"workspace_id": "sandbox"}
    production = rehearse(tickets=range(1, 4), build=False)
    production.intercom = {"purpose": "production"}
    return sandbox, production, replace(production.settings, warehouse=sandbox.warehouse)


def build(sandbox: Rehearsal, rehearsal: Rehearsal, settings: Settings) -> None:
    """Build the plan for a workspace, as `build` does: the receipts of its ledger first."""
    check_ledger(settings)
    publish(settings.ledger, settings.warehouse)
    rehearsal.plan.workspace_id = settings.intercom.workspace_id
    rehearsal.plan.write(sandbox.warehouse)


def test_a_sandbox_and_production_are_loaded_from_one_warehouse(rehearse: Rehearse) -> None:
    sandbox, production, settings = two(rehearse)

    def load(rehearsal: Rehearsal, told: Settings, **more: Any) -> Result:
        build(sandbox, rehearsal, told)
        if told.intercom.purpose == "production":
            sign_off(told, "Grace Example")
        return apply(told, clock=rehearsal.clock, acknowledge=silence.ALL, **more)

    first = load(sandbox, sandbox.settings, selection=Selection(limit=1))
    whole = load(production, settings)
    assert whole.written["conversation.create"] == 3
    assert rows(sandbox.warehouse, "select workspace_id from raw_ledger.workspace") == [(WORKSPACE_ID,)]
    assert rows(sandbox.warehouse, "select count(*) from raw_ledger.receipts") == [(whole.plan.rows,)]
    rest = load(sandbox, sandbox.settings)
    assert first.written["conversation.create"] + rest.written["conversation.create"] == 3
    assert rows(sandbox.warehouse, "select workspace_id from raw_ledger.workspace") == [("sandbox",)]
    assert sandbox.content() == production.content()
    assert sum(load(production, settings).written.values()) == 0
    known = "select workspace_id, receipts from raw_ledger.loads order by 2"
    assert rows(sandbox.warehouse, known) == [("sandbox", whole.plan.rows), (WORKSPACE_ID, whole.plan.rows)]


def test_a_plan_that_was_made_for_another_workspace_is_refused(rehearse: Rehearse) -> None:
    sandbox, production, settings = two(rehearse)
    build(sandbox, sandbox, sandbox.settings)
    with pytest.raises(WorkspaceError, match="the plan was made for workspace sandbox, not for wslittle") as refused:
        apply(settings, clock=production.clock, acknowledge=silence.ALL)
    assert refused.value.exit_code == 3
    assert "made for workspace sandbox" in (current_plan(settings).refusal or "")
    assert production.accepted() == 0


def test_a_plan_that_was_made_without_a_workspace_is_refused(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("update reconciliation.gate set workspace_id = null")
    with pytest.raises(WorkspaceError, match="made for no workspace"):
        rehearsal.apply()
    with duckdb.connect(str(rehearsal.warehouse)) as db:
        db.execute("alter table reconciliation.gate drop column workspace_id")
    with pytest.raises(GateError, match="earlier version"):
        rehearsal.apply()
    assert rehearsal.accepted() == 0


def test_a_ledger_of_the_other_workspace_is_refused_before_its_receipts_reach_a_build(rehearse: Rehearse) -> None:
    sandbox, _production, settings = two(rehearse)
    build(sandbox, sandbox, sandbox.settings)
    apply(sandbox.settings, clock=sandbox.clock, acknowledge=silence.ALL, selection=Selection(limit=1))
    wrong = replace(settings, ledger=sandbox.settings.ledger)
    for refused in (check_ledger, current_plan):
        with pytest.raises(WorkspaceError, match="belongs to workspace sandbox, not to wslittle"):
            refused(wrong)


def test_an_empty_ledger_is_refused_for_a_workspace_that_was_loaded_before_the_other_one(rehearse: Rehearse) -> None:
    sandbox, production, settings = two(rehearse)
    build(sandbox, sandbox, sandbox.settings)
    apply(sandbox.settings, clock=sandbox.clock, acknowledge=silence.ALL, selection=Selection(limit=1))
    build(sandbox, production, settings)
    forgotten = replace(sandbox.settings, ledger=sandbox.folder / "new.sqlite")
    with pytest.raises(LedgerUnknownError, match="loaded into the workspace sandbox before") as refused:
        check_ledger(forgotten)
    way_out = "delete from raw_ledger.loads where workspace_id = 'sandbox'"
    assert way_out in str(refused.value)
    with duckdb.connect(str(sandbox.warehouse)) as db:
        db.execute(way_out)
    check_ledger(forgotten)
