"""Nothing goes to production that nobody has signed off, and what was signed off is exactly this plan."""

import json

import pytest
from rehearsals import ACKNOWLEDGED, Rehearsal, Rehearse
from typer.testing import CliRunner

from load.cli import app
from load.errors import GateError, SettingsError, SignOffError, WorkspaceError
from load.ledger import Ledger
from load.selection import Selection
from load.sign_off import latest, sign_off

NAME = "Grace Example"


def production(rehearse: Rehearse) -> Rehearsal:
    """Start a rehearsal whose workspace is said to be the production's."""
    rehearsal = rehearse()
    rehearsal.intercom = {"purpose": "production"}
    return rehearsal


def test_a_production_load_waits_for_a_sign_off(rehearse: Rehearse) -> None:
    rehearsal = production(rehearse)
    with pytest.raises(SignOffError, match="nobody has signed this plan off") as refused:
        rehearsal.apply()
    assert refused.value.exit_code == 3
    assert rehearsal.accepted() == 0
    sign_off(rehearsal.settings, NAME)
    assert rehearsal.apply(selection=Selection(limit=1)).exit_code == 0
    assert rehearsal.apply().exit_code == 0  # the same plan: what is in Intercom by now does not change it
    assert rehearsal.accepted() > 0


def test_what_changed_since_needs_another_sign_off(rehearse: Rehearse) -> None:
    rehearsal = production(rehearse)
    sign_off(rehearsal.settings, NAME)
    rehearsal.plan.change("conversation/t1/title", payload={"title": "New"})
    rehearsal.build()
    with pytest.raises(SignOffError, match=rf"the data changed since {NAME} signed .* Look at the plan, then run"):
        rehearsal.apply()
    sign_off(rehearsal.settings, NAME)
    rehearsal.plan.mapping_hash = "another"
    rehearsal.build()
    with pytest.raises(SignOffError, match="the mapping changed since"):
        rehearsal.apply()
    assert rehearsal.accepted() == 0
    sign_off(rehearsal.settings, NAME)
    assert rehearsal.apply().exit_code == 0


def test_a_sign_off_is_for_one_workspace(rehearse: Rehearse) -> None:
    rehearsal = production(rehearse)
    signed = sign_off(rehearsal.settings, f" {NAME} ")
    with Ledger(rehearsal.ledger) as ledger:
        assert latest(ledger, signed.workspace_id) == signed
        assert latest(ledger, "another") is None
    assert signed.name == NAME


def test_a_sandbox_needs_no_sign_off_and_no_other_purpose_is_known(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.intercom = {"purpose": "staging"}
    with pytest.raises(SettingsError, match="INTERCOM__PURPOSE is 'staging'"):
        rehearsal.apply()
    rehearsal.intercom = {"purpose": "sandbox"}
    assert rehearsal.apply().exit_code == 0


def test_only_a_plan_that_may_be_sent_can_be_signed_off(rehearse: Rehearse) -> None:
    rehearsal = production(rehearse)
    with pytest.raises(SettingsError, match="the name of the person"):
        sign_off(rehearsal.settings, "  ")
    rehearsal.build(stale=True)
    with pytest.raises(GateError, match="changed since"):
        sign_off(rehearsal.settings, NAME)
    rehearsal.plan.workspace_id = "another"
    rehearsal.build()
    with pytest.raises(WorkspaceError, match="made for workspace another"):
        sign_off(rehearsal.settings, NAME)
    rehearsal.intercom = {"purpose": "production", "workspace_id": ""}
    with pytest.raises(SettingsError, match="INTERCOM__WORKSPACE_ID"):
        sign_off(rehearsal.settings, NAME)


def test_plan_names_the_missing_sign_off_and_the_command_gives_it(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = production(rehearse)
    for name, value in rehearsal.environment.items():
        monkeypatch.setenv(name, value)
    run = CliRunner()
    assert "sign-off --name" in json.loads(run.invoke(app, ["plan", "--json"]).stdout)["refusal"]
    assert run.invoke(app, ["apply", "--execute", *ACKNOWLEDGED]).exit_code == 3
    signed = run.invoke(app, ["sign-off", "--name", NAME, "--json"])
    assert signed.exit_code == 0, signed.output
    told = json.loads(signed.stdout)
    planned = json.loads(run.invoke(app, ["plan", "--json"]).stdout)
    assert (told["name"], told["plan_hash"], told["mapping_hash"]) == (NAME, planned["plan_hash"], "m")
    assert f"{NAME} has signed off the plan {told['plan_hash']}" in signed.stderr
    assert planned["refusal"] is None
    assert run.invoke(app, ["apply", "--execute", *ACKNOWLEDGED]).exit_code == 0
