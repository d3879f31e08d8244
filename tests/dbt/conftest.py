"""One small sample, extracted and built once for all tests of the dbt project."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from built_warehouse import ROOT, TEXT_LIKE_A_TEMPLATE, Built, Dbt, change, program_environment, values


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return the warehouse of 40 tickets, all decisions confirmed, the gate open."""
    from extract.otrs import extract_otrs  # noqa: PLC0415 - dlt takes a second to import
    from extract.otrs.settings import otrs_settings  # noqa: PLC0415
    from load.settings import load_settings  # noqa: PLC0415
    from otrs2intercom import mapping  # noqa: PLC0415
    from otrs2intercom.rehearsal import people_of  # noqa: PLC0415
    from otrs2intercom.sample import write_sample  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("dbt")
    project = _project(folder)
    warehouse = folder / "warehouse.duckdb"
    write_sample(f"sqlite:///{folder / 'otrs.sqlite'}", tickets=40)
    _write_like_a_template(folder / "otrs.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTRS__CREDENTIALS", f"sqlite:///{folder / 'otrs.sqlite'}")
        patch.setenv("WAREHOUSE__PATH", str(warehouse))
        patch.setenv("DBT_PROJECT_DIR", str(project))
        extract_otrs(otrs_settings(), warehouse)
        admins, teams = people_of(warehouse)
        _set_up_workspace(warehouse, admins, teams)
        mapping.propose(load_settings(), confirm_all=True)
    seen = _build(folder, project, warehouse)
    return Built(warehouse, project, seen)


@pytest.fixture(scope="session")
def dbt(built: Built) -> Dbt:
    """Return dbt, ready to run on copies of the warehouse."""
    return Dbt(built.project, built.warehouse)


def _project(folder: Path) -> Path:
    project = folder / "dbt_project"
    unwanted = shutil.ignore_patterns("target", "logs", "__pycache__", "functions")
    shutil.copytree(ROOT / "dbt_project", project, ignore=unwanted)
    for seed in (project / "seeds" / "mapping").glob("*.csv"):
        seed.write_text(seed.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    return project


def _write_like_a_template(database: Path) -> None:
    """Let a customer's opening message, an agent's note and a title look like templates."""
    with sqlite3.connect(database) as db:
        [opening] = db.execute(
            "select min(a.id) from article a join ticket t on t.id = a.ticket_id where a.article_sender_type_id = 3"
            " and a.id in (select min(id) from article group by ticket_id)"
            " and t.ticket_state_id in (select id from ticket_state where type_id in (1, 2, 3))"
        ).fetchone()
        db.execute("update article_data_mime set a_body = ? where article_id = ?", [TEXT_LIKE_A_TEMPLATE, opening])
        db.execute(
            "update ticket set title = ? where id = (select ticket_id from article where id = ?)",
            [TEXT_LIKE_A_TEMPLATE, opening],
        )
    db.close()


def _set_up_workspace(warehouse: Path, admins: list[dict[str, str]], teams: list[dict[str, str]]) -> None:
    people = values([(str(number), admin["email"], admin["name"]) for number, admin in enumerate(admins, 1)])
    groups = values([(str(number), team["name"]) for number, team in enumerate(teams, 101)])
    change(
        warehouse,
        "create schema raw_intercom",
        "create table raw_intercom.me as select '1' as admin_id, 'migration@example.com' as email,"
        " 'Migration' as name, 'simulated' as workspace_id, 'Sample' as workspace_name, 'US' as region,"
        " 'UTC' as timezone, false as archived, '{}' as data",
        "create table raw_intercom.admins as select *, false as archived, '{}' as data"
        f" from (values {people}) as people(id, email, name)",
        "create table raw_intercom.teams as select *, false as archived, '{}' as data"
        f" from (values {groups}) as groups(id, name)",
    )


def _build(folder: Path, project: Path, warehouse: Path) -> str:
    """Build as an analyst does: dbt as a program, the shipped profile, from a folder of his own."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--no-use-colors", "build"]
    command += ["--project-dir", str(project), "--profiles-dir", str(ROOT / "profiles")]
    done = subprocess.run(
        command, cwd=elsewhere, env=program_environment(warehouse), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout
