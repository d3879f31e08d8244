"""The same OTRS on SQLite, MariaDB and PostgreSQL is the same in staging, row by row."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.database_servers import DatabaseServer
from support.pipeline import ROOT, new_pipeline

from otrs2intercom.sample import write_sample

ENGINES = ("sqlite", "mariadb", "postgresql")

TELLS_THE_ENGINE = {"stg_otrs__source_profile", "stg_otrs__source_tables"}
"""Models about the server itself: name, version, time of the snapshot, sizes on disk."""


def staged(folder: Path, engine: str, url: str) -> Path:
    """Extract a source and build its staging models, into a file named after the engine."""
    pipeline = new_pipeline(folder / engine, url, "http://127.0.0.1:9")
    pipeline.run("extract", "otrs")
    dbt = Path(sys.executable).with_name("dbt")
    project = ["--project-dir", str(pipeline.project), "--profiles-dir", str(ROOT / "profiles")]
    command = [str(dbt), "run", "--select", "staging.otrs", *project, "--target-path", str(folder / f"target-{engine}")]
    built = subprocess.run(
        command,
        env=pipeline.environment | {"DBT_LOG_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout[-3000:]
    return pipeline.warehouse


@pytest.fixture(scope="module")
def warehouses(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("engines")
    with duckdb.connect() as db:
        for engine in ENGINES:
            if engine == "sqlite":
                url = f"sqlite:///{folder / 'otrs.sqlite'}"
            else:
                server: DatabaseServer = request.getfixturevalue(f"{engine}_server")
                url = server.create_database("engines_agree")
            write_sample(url, tickets=60, seed=5)
            path = staged(folder, engine, url)
            # A view names the database it was made in, which is named after the file.
            shutil.copy(path, folder / "warehouse.duckdb")
            db.execute(f"attach '{folder / 'warehouse.duckdb'}' as warehouse (read_only)")
            names = [
                name
                for (name,) in db.execute(
                    "select table_name from information_schema.tables where table_catalog = 'warehouse'"
                    " and table_schema = 'staging' and starts_with(table_name, 'stg_otrs__')"
                ).fetchall()
            ]
            db.execute(f"create schema {engine}")
            for name in names:
                db.execute(f"create table {engine}.{name} as from warehouse.staging.{name}")
            db.execute("detach warehouse")
        yield db


def tables(db: duckdb.DuckDBPyConnection, engine: str) -> set[str]:
    rows = db.execute("select table_name from information_schema.tables where table_schema = ?", [engine]).fetchall()
    return {name for (name,) in rows}


@pytest.mark.parametrize("engine", ["mariadb", "postgresql"])
def test_staging_is_the_same_whatever_engine_otrs_ran_on(warehouses: duckdb.DuckDBPyConnection, engine: str) -> None:
    names = tables(warehouses, "sqlite")
    assert names == tables(warehouses, engine)
    assert len(names) > 70
    different = {}
    for name in names - TELLS_THE_ENGINE:
        for one, other in ((engine, "sqlite"), ("sqlite", engine)):
            rows = warehouses.execute(f"from {one}.{name} except all from {other}.{name}").fetchall()
            if rows:
                different[f"{name}: in {one} only"] = rows[:2]
    assert different == {}


def test_the_comparison_was_not_of_empty_tables(warehouses: duckdb.DuckDBPyConnection) -> None:
    for name in ("tickets", "articles", "article_attachments", "attachment_contents", "article_plain_mails"):
        rows = warehouses.execute(f"select count(*) from postgresql.stg_otrs__{name}").fetchone()
        assert rows is not None
        assert rows[0] > 20, name
