"""Runs dbt as the analyst would: the shipped project, the shipped profile, the warehouse of the settings.

dbt runs as a program of its own: it keeps the warehouse open for as long as it lives, and its memory goes
with it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from load.settings import Settings
from load.warehouse import is_locked, locked_message

ROOT = Path(__file__).resolve().parent.parent

QUIET = ("--quiet", "--log-level-file", "none")
"""dbt's options for a run that nobody reads along with."""

DATA_ONLY = ("--exclude-resource-type", "unit_test", "--exclude", "tag:verify")
"""dbt's options for a build of the plan, without unit tests and without what `verify` makes after a load.

Unit tests try the rules on rows of their own, whatever the data is; dbt advises to run them while developing and in CI
only, and they take half of a build's time. A plain `dbt build` runs and makes both.
"""


class TransformError(Exception):
    """dbt could not be run, or did not do what it was run for; the message says where to look."""

    exit_code = 3


class NoExtractError(Exception):
    """The warehouse holds no extract of OTRS yet."""

    exit_code = 3


class NoWorkspaceError(Exception):
    """The warehouse knows no workspace of Intercom yet."""

    exit_code = 3


class OtherWorkspaceError(Exception):
    """What the warehouse knows of Intercom is of another workspace than the one that is meant."""

    exit_code = 3


class WarehouseHeldError(Exception):
    """Another program holds the warehouse; the message names it."""

    exit_code = 3


@dataclass(frozen=True)
class Gate:
    """The newest record of the gate.

    Attributes:
        invocation_id: the build that wrote it.
        passed: every test of the project ran and passed.
        tests_in_manifest: tests of the project.
        tests_passed: of these.
        blockers: names of what failed.
        plan_hash: hash of the plan.
    """

    invocation_id: str
    passed: bool
    tests_in_manifest: int
    tests_passed: int
    blockers: tuple[str, ...]
    plan_hash: str | None


def project_dir() -> Path:
    """Return the dbt project: `DBT_PROJECT_DIR`, dbt's own setting, else the one of this clone."""
    return Path(os.environ.get("DBT_PROJECT_DIR") or ROOT / "dbt_project").resolve()


def profiles_dir() -> Path:
    """Return the folder of profiles.yml: `DBT_PROFILES_DIR`, dbt's own setting, else the one of this clone."""
    return Path(os.environ.get("DBT_PROFILES_DIR") or ROOT / "profiles").resolve()


def require_warehouse_free(path: Path) -> None:
    """Refuse at once when another program holds the warehouse.

    Raises:
        WarehouseHeldError: the message names the program and its process.
    """
    try:
        duckdb.connect(str(path)).close()
    except duckdb.IOException as error:
        if is_locked(error):
            raise WarehouseHeldError(locked_message(path, error)) from error
        raise


def require_extract(settings: Settings) -> None:
    """Refuse, without making a file, where OTRS was not extracted yet.

    Raises:
        NoExtractError: the message says what to run.
        WarehouseHeldError: another program holds the warehouse.
    """
    path = settings.warehouse
    if path.is_file():
        require_warehouse_free(path)
        with duckdb.connect(str(path), read_only=True) as db:
            if has_table(db, "raw_otrs", "source_profile"):
                return
    raise NoExtractError(
        f"There is no extract of OTRS in {path.resolve()}. Run `otrs2intercom extract otrs` first, "
        "or set WAREHOUSE__PATH to the file that holds one."
    )


def require_workspace(settings: Settings) -> None:
    """Refuse to build a plan for no workspace: it would name no teammate and no team, and `apply` would refuse it.

    Raises:
        NoWorkspaceError: the message says what to run.
    """
    with duckdb.connect(str(settings.warehouse), read_only=True) as db:
        if has_table(db, "raw_intercom", "me") and db.execute("select 1 from raw_intercom.me").fetchone():
            return
    raise NoWorkspaceError(
        "The workspace was not read yet, so a plan could name none of its teammates and teams. "
        "Run `otrs2intercom extract intercom` first."
    )


def require_own_workspace(settings: Settings) -> None:
    """Refuse to plan for one workspace with the teammates, teams and definitions of another.

    Raises:
        OtherWorkspaceError: the message says what to run.
    """
    wanted = settings.intercom.workspace_id
    with duckdb.connect(str(settings.warehouse), read_only=True) as db:
        if not wanted or not has_table(db, "raw_intercom", "me"):
            return
        row = db.execute("select max(workspace_id) from raw_intercom.me").fetchone()
    found = row[0] if row else None
    if found not in {None, wanted}:
        raise OtherWorkspaceError(
            f"raw_intercom holds the workspace {found}, but INTERCOM__WORKSPACE_ID is {wanted}: their teammates, teams "
            "and definitions have other ids. Run `otrs2intercom extract intercom` with the settings of this workspace."
        )


def dbt(settings: Settings, arguments: Sequence[str], *, quiet: bool = False) -> bool:
    """Run one dbt command; its talk goes to stderr.

    Args:
        settings: names the warehouse.
        arguments: of dbt, without folders.
        quiet: show errors only.

    Returns:
        Whether dbt reports success.

    Raises:
        WarehouseHeldError: another program holds the warehouse.
    """
    require_warehouse_free(settings.warehouse)
    return _start(settings, arguments, quiet=quiet).wait() == 0


def parse_ahead(settings: Settings) -> subprocess.Popen[bytes]:
    """Start reading the dbt project, which needs no warehouse, while something else goes on.

    A project that dbt has never seen takes it seven seconds to read; the next command then reads the result.
    """
    return _start(settings, ["parse"], quiet=True)


def colours() -> tuple[str, ...]:
    """Return dbt's option for talk without colours, unless a terminal shows it and NO_COLOR is not set."""
    plain = bool(os.environ.get("NO_COLOR")) or not sys.stderr.isatty()
    return ("--no-use-colors",) if plain else ()


def _start(settings: Settings, arguments: Sequence[str], *, quiet: bool) -> subprocess.Popen[bytes]:
    options = (*colours(), *(QUIET if quiet else ()))
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *options, *arguments]
    command += ["--project-dir", str(project_dir()), "--profiles-dir", str(profiles_dir())]
    environment = {
        **os.environ,
        "WAREHOUSE__PATH": str(settings.warehouse.resolve()),
        "INTERCOM__WORKSPACE_ID": settings.intercom.workspace_id,
        "FILE_STORAGE__URL": settings.files.url,
        "FILE_STORAGE__PUBLIC_URL": settings.files.public_url,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return subprocess.Popen(command, env=environment, stdout=sys.stderr)


def read_gate(settings: Settings) -> Gate | None:
    """Return the newest record of the gate, None when the plan was never built."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as db:
        if not has_table(db, "reconciliation", "gate"):
            return None
        row = db.execute(
            "select invocation_id, passed, tests_in_manifest, tests_passed, blockers, plan_hash"
            " from reconciliation.gate order by checked_at desc limit 1"
        ).fetchone()
    if row is None:
        return None
    blockers = tuple(name for name in str(row[4] or "").split(", ") if name)
    return Gate(str(row[0]), bool(row[1]), int(row[2]), int(row[3]), blockers, row[5])


def has_table(db: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether the warehouse has this table or view."""
    found = db.execute(
        "select 1 from information_schema.tables where table_catalog = current_database()"
        " and table_schema = ? and table_name = ?",
        [schema, name],
    ).fetchone()
    return found is not None


def rows(settings: Settings, sql: str) -> list[dict[str, Any]]:
    """Return a small result as dictionaries."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as db:
        cursor = db.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def as_json(value: Any) -> str:
    """Serialise a command's answer."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
