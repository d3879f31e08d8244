"""No command mixes two workspaces: what was extracted, what was loaded and what the settings mean are one."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from load.errors import WorkspaceError
from load.ledger import Ledger
from load.settings import IntercomSettings, Settings
from otrs2intercom import cli, mapping, transform

GATE = (
    "invocation_id varchar",
    "checked_at timestamp",
    "passed boolean",
    "plan_hash varchar",
    "mapping_hash varchar",
    "blockers varchar",
    "workspace_id varchar",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of production beside a warehouse that was extracted from the sandbox."""
    intercom = IntercomSettings(access_token="made-up", workspace_id="production")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as db:
        for statement in (
            "create schema raw_otrs",
            "create table raw_otrs.source_profile (snapshot_at timestamp)",
            "create schema raw_intercom",
            "create table raw_intercom.me as select 'sandbox' as workspace_id",
            "create schema reconciliation",
            f"create table reconciliation.gate ({', '.join(GATE)})",
            "insert into reconciliation.gate values ('i', now()::timestamp, true, 'p', 'm', '', 'sandbox')",
        ):
            db.execute(statement)
    return Settings(intercom, tmp_path / "warehouse.duckdb", tmp_path / "ledger.sqlite")


def test_map_and_build_refuse_what_was_extracted_from_another_workspace(settings: Settings) -> None:
    for refused in (mapping.propose, cli.run_build):
        with pytest.raises(transform.OtherWorkspaceError, match=r"workspace sandbox, but .* is production") as error:
            refused(settings)
        assert error.value.exit_code == 3


def test_what_was_never_extracted_or_is_meant_is_no_other_workspace(settings: Settings) -> None:
    transform.require_own_workspace(replace(settings, intercom=IntercomSettings(workspace_id="sandbox")))
    transform.require_own_workspace(replace(settings, intercom=IntercomSettings()))
    with duckdb.connect(str(settings.warehouse)) as db:
        db.execute("delete from raw_intercom.me")
    transform.require_own_workspace(settings)
    with duckdb.connect(str(settings.warehouse)) as db:
        db.execute("drop table raw_intercom.me")
    transform.require_own_workspace(settings)


def test_verify_refuses_a_plan_and_a_ledger_of_another_workspace(settings: Settings) -> None:
    with pytest.raises(WorkspaceError, match="the plan was made for workspace sandbox"):
        cli.run_verify(settings)
    with Ledger(settings.ledger) as ledger:
        ledger.bind("sandbox", "US")
    with pytest.raises(WorkspaceError, match="belongs to workspace sandbox"):
        cli.run_verify(settings)


def test_build_refuses_before_the_workspace_was_read(settings: Settings) -> None:
    for statement in ("delete from raw_intercom.me", "drop schema raw_intercom cascade"):
        with duckdb.connect(str(settings.warehouse)) as db:
            db.execute(statement)
        with pytest.raises(transform.NoWorkspaceError, match="Run `otrs2intercom extract intercom` first") as error:
            cli.run_build(settings)
        assert error.value.exit_code == 3
