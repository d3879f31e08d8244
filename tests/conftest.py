"""What all tests share: real database servers, real databases, an environment without anyone's settings."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.database_servers import (
    DatabaseServer,
    ProgramMissingError,
    running_mariadb,
    running_postgresql,
)
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent

# Settings of whoever runs the tests. A test that reached a real workspace by them would be a disaster.
SETTINGS = (
    "OTRS__",
    "INTERCOM__",
    "WAREHOUSE__",
    "LEDGER__",
    "LOG__",
    "FILE_STORAGE__",
    "SOURCES__",
    "DESTINATION__",
    "DBT_",
    "DLT_",
)


FIRST = ("dbt", "end_to_end")
"""Folders whose tests take longest: begun last, one process would wait for the other."""

DATABASE = re.compile(r"((?:znuny|otrs)\d+-[a-z-]+)\]$")
"""At the end of a test's id, the real database that it looks at."""


class ByWhatIsShared(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Keeps in one process what shares something expensive: the built warehouse, a real database, else a file's."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith("tests/dbt/test_"):
            return "built"
        database = DATABASE.search(nodeid) if file.startswith("tests/end_to_end/") else None
        return database[1] if database else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWhatIsShared:
    """Share the tests between two processes (xdist's own groups come to nothing with pytest 9.2)."""
    return ByWhatIsShared(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(FIRST)}
    items.sort(
        key=lambda item: min(
            (place for folder, place in places.items() if folder in item.path.parents), default=len(FIRST)
        )
    )


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take everyone's own settings away, and send dlt's and dbt's files and figures nowhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(SETTINGS) or name in {"FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"}:
                patch.delenv(name)
        patch.setenv("DLT_DATA_DIR", str(tmp_path_factory.mktemp("dlt")))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("NO_COLOR", "1")
        yield


@pytest.fixture(autouse=True)
def environment_restored() -> Iterator[None]:
    """Undo what a test, or the code under test, changed in the environment."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def started(starting: AbstractContextManager[DatabaseServer]) -> Iterator[DatabaseServer]:
    """Start a server for a fixture, or skip where it is not installed."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(starting)
        except ProgramMissingError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[DatabaseServer]:
    """Return a MariaDB server, started when the first test asks for it."""
    yield from started(running_mariadb())


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseServer]:
    """Return a PostgreSQL server, started when the first test asks for it."""
    yield from started(running_postgresql())


@pytest.fixture(scope="session")
def otrs_lab() -> Path:
    """Return the folder of real OTRS databases (``<name>.sql.gz`` with ``<name>.truth.json``).

    The environment variable OTRS_LAB names it; by default it lies beside the checkout.
    """
    folder = Path(os.environ.get("OTRS_LAB") or ROOT.parent / "shared" / "otrs-lab")
    if not any(folder.glob("*.sql.gz")):
        pytest.skip(f"no real OTRS databases in {folder}: set OTRS_LAB to a folder of <name>.sql.gz")
    return folder


@pytest.fixture(scope="session")
def intercom_description() -> Path:
    """Return the folder of Intercom's official OpenAPI description and its corrections.

    The environment variable INTERCOM_DESCRIPTION names it; by default it lies beside the checkout.
    """
    folder = Path(os.environ.get("INTERCOM_DESCRIPTION") or ROOT.parent / "shared" / "intercom")
    for name in ("openapi-2.16.yaml", "relax_for_validation.py"):
        if not (folder / name).is_file():
            pytest.skip(f"no {name} in {folder}: set INTERCOM_DESCRIPTION to a folder that holds it")
    return folder


@pytest.fixture(scope="session")
def load_lab_database(request: pytest.FixtureRequest, otrs_lab: Path) -> Callable[..., str]:
    """Return ``load(name, database=None)``: loads a real OTRS database and returns its address.

    ``name`` is the dump's, such as ``znuny65-mysql-a``; one with ``postgres`` in it goes to PostgreSQL.
    Loaded once per test process and database name, so a test that writes asks for a ``database`` of its own.
    """
    loaded: dict[str, str] = {}

    def load(name: str, database: str | None = None) -> str:
        database = database or name.replace("-", "_")
        if database in loaded:
            return loaded[database]
        dump = otrs_lab / f"{name}.sql.gz"
        if not dump.is_file():
            pytest.skip(f"no {dump.name} in {otrs_lab}")
        kind = "postgresql_server" if "postgres" in name else "mariadb_server"
        server: DatabaseServer = request.getfixturevalue(kind)
        # OTRS 5 ran on three-byte UTF-8; its indexes do not fit with four.
        old = {"charset": "utf8mb3", "collation": "utf8mb3_general_ci"} if name.startswith("otrs5") else {}
        loaded[database] = server.create_database(database, **old)
        server.load_dump(dump, database)
        return loaded[database]

    return load
