"""What the commands say: when the program fails itself, before anything was decided, and for a rehearsal."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from load import simulator
from load.simulator import Options, Workspace, serve
from otrs2intercom import cli, mapping, transform


def test_a_bug_of_any_command_is_told_without_the_data_it_had_in_hand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("could not convert 'jane.roe@example.com'")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "builtins.ValueError" in said
    assert "in fail" in said
    assert "jane" not in said


def test_a_check_before_the_first_proposal_says_that_nothing_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("WAREHOUSE__PATH", str(tmp_path / "warehouse.duckdb"))
    mapping.folder().mkdir(parents=True)
    for path in (transform.ROOT / "dbt_project" / "seeds" / "mapping").glob("*.csv"):
        header = path.read_text(encoding="utf-8").splitlines()[0]
        (mapping.folder() / path.name).write_text(f"{header}\n", encoding="utf-8")
    said = CliRunner().invoke(cli.app, ["map", "--check"])
    assert said.exit_code == 4
    assert "There are no decisions yet: run `otrs2intercom map`" in said.stderr
    assert "Every decision is confirmed" not in said.stderr


def test_what_simulate_prints_are_the_settings_of_its_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[httpx.Response] = []

    def run(store: Path, _host: str, _port: int, options: Options, ready: Callable[[str], None]) -> None:
        with Workspace(store) as workspace, serve(workspace, options) as served:
            ready(served.base_url)
            for token in ("two words", "any"):
                headers = {"Authorization": f"Bearer {token}", "Intercom-Version": "2.16"}
                answers.append(httpx.get(f"{served.base_url}/me", headers=headers))

    monkeypatch.setattr(simulator, "run_forever", run)
    named = ["--workspace-id", "second", "--region", "EU", "--token", "two words"]
    said = CliRunner().invoke(cli.app, ["simulate", "--store", str(tmp_path / "second.sqlite"), *named])
    assert said.exit_code == 0
    (line,) = (line for line in said.stderr.splitlines() if line.startswith("export "))
    settings = dict(word.split("=", 1) for word in shlex.split(line)[1:])
    assert settings == {
        "INTERCOM__BASE_URL": said.stdout.strip(),
        "INTERCOM__ACCESS_TOKEN": "two words",
        "INTERCOM__WORKSPACE_ID": "second",
        "INTERCOM__REGION": "EU",
        "INTERCOM__PURPOSE": "sandbox",
    }
    right, wrong = answers
    assert (right.json()["app"]["id_code"], right.json()["app"]["region"]) == ("second", "EU")
    assert wrong.status_code == 401


def test_dbt_talks_without_colours_to_all_but_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert transform.colours() == ("--no-use-colors",)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert transform.colours() == ()
    monkeypatch.setenv("NO_COLOR", "1")
    assert transform.colours() == ("--no-use-colors",)
