"""The demo, as a newcomer runs it, and what the README promises about the commands."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from support.pipeline import ROOT
from typer.main import get_command

from otrs2intercom.cli import app


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "otrs2intercom", "demo", "--folder", str(folder), *arguments]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("newcomer") / "demo"
    done = run_demo(folder, "--tickets", "60", "--seed", "3")
    assert done.returncode == 0, done.stderr[-6000:]
    return folder, done.stderr


def test_every_ticket_of_the_sample_is_verified_without_a_difference(demo: tuple[Path, str]) -> None:
    folder, talk = demo
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as db:
        [[tickets, excluded]] = db.execute(
            "select source_records, excluded_records from reconciliation.conservation where source_table = 'ticket'"
        ).fetchall()
        differences = db.execute("select count(*) from reconciliation.differences").fetchall()
    assert tickets == 60
    assert differences == [(0,)]
    assert f"All {60 - excluded} of {60 - excluded} tickets are in Intercom as they were wanted" in talk


def test_the_closing_words_say_where_to_look_and_the_statements_work(demo: tuple[Path, str]) -> None:
    folder, talk = demo
    statements = [line.split(' "')[1].rstrip('"') for line in talk.splitlines() if "duckdb -readonly" in line]
    assert len(statements) == 3
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as db:
        for statement in statements:
            assert db.execute(statement).description


def test_a_second_load_finds_the_gate_open_after_a_verification(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    told = {
        "WAREHOUSE__PATH": str(folder / "warehouse.duckdb"),
        "LEDGER__PATH": str(folder / "ledger.sqlite"),
        "DBT_PROJECT_DIR": str(folder / "dbt_project"),
        "INTERCOM__WORKSPACE_ID": "simulated",
        "INTERCOM__PURPOSE": "sandbox",
    }
    for name in ("build", "plan"):
        command = [sys.executable, "-m", "otrs2intercom", name]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **told}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
    assert "Nothing to send" in done.stderr


def test_the_mapping_of_the_clone_is_not_touched(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    assert len((folder / "dbt_project/seeds/mapping/agents.csv").read_text(encoding="utf-8").splitlines()) > 1
    changed = subprocess.run(
        ["git", "status", "--porcelain", "dbt_project/seeds"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "mapping/agents.csv" not in changed.stdout


def test_a_folder_that_the_demo_did_not_make_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious.txt").write_text("mine", encoding="utf-8")
    refused = run_demo(mine)
    assert refused.returncode == 3
    assert "was not made by the demo" in refused.stderr
    assert (mine / "precious.txt").read_text(encoding="utf-8") == "mine"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert {name for name in names if f"`{name}" not in readme and f"otrs2intercom {name}" not in readme} == set()


def test_every_setting_of_the_readme_is_one_that_the_code_reads() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {line.split("`")[1] for line in readme.splitlines() if line.startswith("| `") and "__" in line}
    sources = [path.read_text(encoding="utf-8") for room in ("extract", "load") for path in (ROOT / room).rglob("*.py")]
    assert {name for name in named if not any(name in source for source in sources)} == set()
    assert len(named) >= 7
