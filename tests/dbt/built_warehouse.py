"""A warehouse that was built once, and the means to spoil copies of it and to run dbt on them."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from otrs2intercom.transform import DATA_ONLY

ROOT = Path(__file__).resolve().parent.parent.parent

TEXT_LIKE_A_TEMPLATE = """{{ 7 * 7 }} {% raw %} {"$ref": "contact/otrs:customer_user:1"} {"$file": "x"} \\" \\u0041"""
"""What a customer may write; it reaches Intercom as it is."""


@dataclass
class Dbt:
    """Runs dbt in this process, so that it is imported and the project is read only once.

    Attributes:
        project: the copy of the dbt project; what an earlier run noted about it there is used again.
        built: the warehouse that was built with it.
        complaints: rows that each test of the last run complained about.
    """

    project: Path
    built: Path
    manifest: Any = field(default=None, repr=False)
    complaints: dict[str, int] = field(default_factory=dict, repr=False)

    def run(self, warehouse: Path, *arguments: str) -> dict[str, str]:
        """Run one command; returns the status of each node by its name."""
        common = ["--project-dir", str(self.project), "--profiles-dir", str(ROOT / "profiles"), "--quiet"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
            if self.manifest is None:
                patch.setenv("WAREHOUSE__PATH", str(self.built))
                self.manifest = dbtRunner().invoke(["parse", *common]).result
            patch.setenv("WAREHOUSE__PATH", str(warehouse))
            result = dbtRunner(manifest=self.manifest).invoke([*arguments, *common])
        _let_go()
        if result.exception is not None:
            raise result.exception
        answers = getattr(result.result, "results", [])
        nodes = [node for node in answers if node.node.resource_type != "operation"]
        self.complaints = {node.node.name: node.failures for node in nodes if node.failures}
        return {node.node.name: str(node.status) for node in nodes}

    def build(self, warehouse: Path, *arguments: str) -> dict[str, str]:
        """Build the whole project as `otrs2intercom build` does: the data are another, the rules are not."""
        return self.run(warehouse, "build", *DATA_ONLY, *arguments)

    def documents(self, warehouse: Path) -> Any:
        """Generate the documents of the project; returns the catalogue of what is in the warehouse."""
        self.run(warehouse, "docs", "generate")
        return json.loads((self.project / "target" / "catalog.json").read_text(encoding="utf-8"))

    def failing(self, warehouse: Path, *selection: str) -> set[str]:
        """Run what is selected, models and tests; returns the names of the tests that failed."""
        statuses = self.run(warehouse, "build", "--select", *selection)
        assert "error" not in statuses.values(), statuses
        return {name for name, status in statuses.items() if status == "fail"}


def _let_go() -> None:
    """Close the file: dbt keeps it open for as long as its process lives."""
    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()


@dataclass(frozen=True)
class Built:
    """The warehouse, with all that made it.

    Attributes:
        warehouse: the DuckDB file.
        project: the copy of the dbt project, its decisions confirmed.
        seen: how the build ended, as a person saw it.
    """

    warehouse: Path
    project: Path
    seen: str

    def copy(self, folder: Path) -> Path:
        """Return a copy of the warehouse, under the same file name: its views name the file."""
        return Path(shutil.copy(self.warehouse, folder / self.warehouse.name))

    def compute_again(self, warehouse: Path, models: Iterable[str]) -> None:
        """Compute tables anew with the SQL that the build ran, in that order: dbt takes 2 s to do no more than that."""
        with closing(duckdb.connect(str(warehouse))) as db:
            for model in models:
                [(schema,)] = db.execute(
                    "select schema_name from duckdb_tables() where table_name = ? and schema_name not like 'raw_%'",
                    [model],
                ).fetchall()
                columns = ", ".join(name for name, *_ in db.execute(f"describe {schema}.{model}").fetchall())
                db.execute(f"create or replace table {schema}.{model} as select {columns} from ({self._sql(model)})")

    def complaining(self, warehouse: Path, tests: Iterable[str]) -> set[str]:
        """Run tests with the SQL that the build ran; returns the names of those that find a row."""
        with closing(duckdb.connect(str(warehouse), read_only=True)) as db:
            return {test for test in tests if db.execute(f"select * from ({self._sql(test)}) limit 1").fetchall()}

    def _sql(self, name: str) -> str:
        found = list((self.project / "target" / "compiled").rglob(f"{name}.sql"))
        # Beside the tests of a model dbt writes the rows that its unit tests put in the place of other models.
        [path] = [path for path in found if path.parent.suffix != ".yml"] or found
        return path.read_text(encoding="utf-8")


def change(warehouse: Path, *statements: str) -> None:
    """Write to a warehouse, as nobody should."""
    with closing(duckdb.connect(str(warehouse))) as db:
        for statement in statements:
            db.execute(statement)


def rows(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read from a warehouse as an analyst does, with a client that knows none of our functions."""
    with closing(duckdb.connect(str(warehouse), read_only=True)) as db:
        return db.execute(sql).fetchall()


def last_gate(warehouse: Path) -> Mapping[str, Any]:
    """Return the newest record of the gate."""
    [row] = rows(
        warehouse,
        "select passed, blockers, plan_hash, tests_in_manifest, tests_passed from reconciliation.gate "
        "order by checked_at desc limit 1",
    )
    return dict(zip(("passed", "blockers", "plan_hash", "tests_in_manifest", "tests_passed"), row, strict=True))


def hashes(warehouse: Path) -> dict[str, tuple[str, str]]:
    """Return content hash and payload hash of each slot."""
    found = rows(warehouse, "select slot, content_hash, payload_hash from intercom.requests")
    return {slot: (content, payload) for slot, content, payload in found}


def program_environment(warehouse: Path) -> dict[str, str]:
    """Return the environment of a dbt that is started as a program from anywhere."""
    return {
        **os.environ,
        "WAREHOUSE__PATH": str(warehouse),
        "PYTHONPATH": str(ROOT),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def values(items: Sequence[Sequence[str]]) -> str:
    """Return rows of text for an insert."""
    return ", ".join("(" + ", ".join("'" + text.replace("'", "''") + "'" for text in row) + ")" for row in items)
