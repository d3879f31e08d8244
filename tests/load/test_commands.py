"""The commands as a person or a script uses them."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsals import Rehearsal, Rehearse
from typer.testing import CliRunner

from load import silence
from load.cli import app
from load.settings import load_settings
from load.simulator import Fault
from load.status import read_status

ROOT = Path(__file__).resolve().parents[2]
APPLY = ["apply", "--execute", *(option for name in silence.ALL for option in ("--acknowledge", name))]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # noqa: ANN201
    def into_environment(rehearsal: Rehearsal) -> None:
        settings = rehearsal.settings
        for name, value in (
            ("INTERCOM__ACCESS_TOKEN", settings.intercom.access_token),
            ("INTERCOM__BASE_URL", settings.intercom.base_url),
            ("INTERCOM__WORKSPACE_ID", settings.intercom.workspace_id),
            ("INTERCOM__PURPOSE", settings.intercom.purpose),
            ("INTERCOM__SEARCH_LAG", "0"),
            ("INTERCOM__COMMIT_GRACE", "0"),
            ("WAREHOUSE__PATH", str(settings.warehouse)),
            ("LEDGER__PATH", str(settings.ledger)),
        ):
            monkeypatch.setenv(name, value)

    return into_environment


def test_settings_never_fall_back_to_the_shells_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("BASE_URL", "http://elsewhere.example.com")
    settings = load_settings()
    assert settings.warehouse == Path("warehouse.duckdb")
    assert settings.intercom.base_url == "https://api.intercom.io"
    assert "made-up" not in repr(settings)


def test_files_outside_go_beside_the_warehouse_unless_the_settings_say_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAREHOUSE__PATH", str(tmp_path / "data/warehouse.duckdb"))
    assert load_settings().file_folder == str(tmp_path / "data/files")
    monkeypatch.setenv("FILE_STORAGE__URL", "s3://user:secret@bucket/otrs")
    monkeypatch.setenv("FILE_STORAGE__PUBLIC_URL", "https://files.example.com")
    settings = load_settings()
    assert settings.file_folder == "s3://user:secret@bucket/otrs"
    assert settings.files.public_url == "https://files.example.com"
    assert "secret" not in repr(settings)


def test_plan_apply_and_status_tell_the_same_story(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse()
    use(rehearsal)
    run = CliRunner()
    planned = run.invoke(app, ["plan", "--json"])
    assert planned.exit_code == 0
    plan = json.loads(planned.stdout)
    assert plan["writes"] == sum(plan["writes_by_kind"].values()) > 0
    assert not rehearsal.ledger.exists()

    dry = run.invoke(app, ["apply", "--json"])
    assert json.loads(dry.stdout) == plan
    assert rehearsal.accepted() == 0

    applied = run.invoke(app, [*APPLY, "--json"])
    assert applied.exit_code == 0, applied.output
    result = json.loads(applied.stdout)
    assert result["written"] == plan["writes_by_kind"]
    assert result["written_total"] == plan["writes"] == rehearsal.accepted()
    assert "definitions: 6 of 6" in applied.stderr

    status = json.loads(run.invoke(app, ["status", "--json"]).stdout)
    assert (status["run"]["state"], status["workspace_id"]) == ("finished", "wslittle")
    assert status["run"]["done"] == plan["writes_by_kind"]
    assert sum(status["settled"].values()) == plan["rows"]
    for command in ("plan", "status"):
        text = run.invoke(app, [command])
        assert text.exit_code == 0
        assert "Next:" in text.stderr or command == "status"


def test_a_refusal_is_a_sentence_and_an_exit_code(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse(build=False)
    rehearsal.build(passed=False)
    use(rehearsal)
    refused = CliRunner().invoke(app, APPLY)
    assert refused.exit_code == 3
    assert "unmapped queues" in refused.stderr
    assert refused.stdout == ""
    assert "An apply would be refused" in CliRunner().invoke(app, ["plan"]).stderr


@pytest.mark.parametrize(
    "given",
    [("--state", "opened"), ("--created-since", "yesterday"), ("--acknowledge", "everything"), ("--limit", "0")],
)
def test_a_value_that_cannot_be_meant_is_an_error_of_the_command_line(given: tuple[str, str]) -> None:
    assert CliRunner().invoke(app, ["apply", *given]).exit_code == 2


def test_status_without_a_ledger_says_so(tmp_path: Path) -> None:
    assert read_status(tmp_path / "ledger.sqlite").run is None


def test_status_where_no_ledger_is_names_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    told = CliRunner().invoke(app, ["status"])
    assert told.exit_code == 3
    assert f"there is no ledger at {tmp_path / 'ledger.sqlite'} (LEDGER__PATH)" in told.stderr
    assert "Next:" not in told.stderr


def test_status_shows_what_is_left_over_and_how_to_go_on(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
    rehearsal.build()
    use(rehearsal)
    assert CliRunner().invoke(app, APPLY).exit_code == 4
    shown = CliRunner().invoke(app, ["status"])
    assert "contact/u2: refused: 400" in shown.stdout
    assert "--retry-failed" in shown.stderr
    assert "no address" not in shown.output


def test_what_comes_next_keeps_the_selection(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
    rehearsal.build()
    use(rehearsal)
    chosen = ["--team", "Support", "--team", "Sales", "--limit", "4"]
    asked = "--team Support --team Sales --limit 4"
    run = CliRunner()
    planned = run.invoke(app, ["plan", *chosen])
    assert f"apply --execute {asked} --acknowledge contact_messages" in planned.stderr
    applied = run.invoke(app, [*APPLY, *chosen])
    assert applied.exit_code == 4
    for told in (applied, run.invoke(app, ["status"]), run.invoke(app, ["plan", *chosen])):
        assert f"apply --execute --retry-failed {asked}" in told.stderr


def test_status_shows_the_acknowledgements_that_going_on_needs(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse()
    rehearsal.apply()
    use(rehearsal)
    with sqlite3.connect(rehearsal.ledger) as db:
        db.execute("delete from acknowledgements where effect in ('webhooks', 'workflows')")
        db.execute("update runs set state = 'interrupted'")
    assert (
        "apply --execute --acknowledge workflows --acknowledge webhooks\n" in CliRunner().invoke(app, ["status"]).stderr
    )


def test_progress_and_announcement_are_of_the_same_writes(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse()
    use(rehearsal)
    planned = CliRunner().invoke(app, ["plan"])
    assert "2 new conversations stay open: that needs no write." in planned.stderr
    applied = CliRunner().invoke(app, APPLY)
    done = dict(re.findall(r"\d\d:\d\d:\d\d (.+?): (\d+) of \2\b", applied.stderr))
    assert sum(map(int, done.values())) == sum(rehearsal.workspace.accepted_writes().values())
    assert f"{sum(map(int, done.values()))} writes are due in" in applied.stderr


def test_interrupting_finishes_what_is_under_way_and_can_be_resumed(rehearse: Rehearse) -> None:
    victim: list[subprocess.Popen[str]] = []

    def interrupt(_seen: object) -> str:
        victim[0].send_signal(signal.SIGINT)
        return "delay:0.3"

    rehearsal = rehearse(faults=(Fault("POST", "/conversations", nth=3, do=interrupt),))  # type: ignore[arg-type]
    script = Path(__file__).parent / "apply_in_a_process.py"
    command = [sys.executable, str(script), str(rehearsal.folder), rehearsal.base_url]
    victim.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    output, errors = victim[0].communicate(timeout=120)
    assert (victim[0].returncode, output.strip()) == (130, "interrupted"), errors
    status = read_status(rehearsal.ledger)
    assert status.run is not None
    assert (status.run.state, status.unresolved) == ("interrupted", 0)
    assert rehearsal.apply().exit_code == 0


def test_the_source_system_is_not_named_in_this_package() -> None:
    word = "ot" + "rs"
    for path in (ROOT / "load").glob("*.py"):
        assert word not in path.read_text(encoding="utf-8").lower(), path.name


def test_a_bug_is_told_without_the_data_it_had_in_hand(
    rehearse: Rehearse,
    use,  # type: ignore[no-untyped-def]  # noqa: ANN001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("jane.roe@example.com")

    rehearsal = rehearse()
    use(rehearsal)
    monkeypatch.setattr("load.engine.make_plan", fail)
    failed = CliRunner().invoke(app, APPLY)
    assert failed.exit_code == 1
    assert "a bug:" in failed.stderr
    assert "builtins.KeyError" in failed.stderr
    assert "in fail" in failed.stderr
    log = rehearsal.settings.log_file.read_text(encoding="utf-8")
    (line,) = (json.loads(line) for line in log.splitlines() if '"bug"' in line)
    assert (line["error"], "in fail" in line["trace"]) == ("KeyError", True)
    for text in (failed.output, log, rehearsal.ledger.read_bytes().decode("utf-8", "replace")):
        assert "jane.roe" not in text


def test_the_log_lies_beside_the_ledger_unless_the_settings_say_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER__PATH", str(tmp_path / "sandbox.sqlite"))
    assert load_settings().log_file == tmp_path / "sandbox.sqlite.log.jsonl"
    monkeypatch.setenv("LOG__PATH", str(tmp_path / "logs/load.jsonl"))
    assert load_settings().log_file == tmp_path / "logs/load.jsonl"


def test_what_the_guards_ask_is_in_the_log(rehearse: Rehearse, use) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    rehearsal = rehearse(access_token="another")
    use(rehearsal)
    assert CliRunner().invoke(app, APPLY).exit_code == 3
    lines = rehearsal.settings.log_file.read_text(encoding="utf-8").splitlines()
    assert {json.loads(line).get("status") for line in lines} == {401}
    assert rehearsal.settings.intercom.access_token not in "".join(lines)
