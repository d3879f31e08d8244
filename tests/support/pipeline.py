"""Runs the command line as a person would: one folder, one environment, one process per command."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Pipeline:
    """A warehouse, a ledger and a copy of the dbt project in a folder, a source and a workspace."""

    folder: Path
    source: str
    base_url: str

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite"

    @property
    def project(self) -> Path:
        return self.folder / "dbt_project"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "OTRS__CREDENTIALS": self.source,
            "WAREHOUSE__PATH": str(self.warehouse),
            "LEDGER__PATH": str(self.ledger),
            "DBT_PROJECT_DIR": str(self.project),
            "INTERCOM__BASE_URL": self.base_url,
            "INTERCOM__ACCESS_TOKEN": "test",
            "INTERCOM__WORKSPACE_ID": "simulated",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return at once."""
        command = [sys.executable, "-m", "otrs2intercom", *arguments]
        return subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; any other exit code than the expected one fails the test with its talk."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate()
        talk = f"{stdout[-3000:]}\n{stderr[-6000:]}"
        assert process.returncode == expect, f"{arguments} gave {process.returncode}:\n{talk}"
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with --json and return its data."""
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Query the warehouse as an analyst would."""
        with duckdb.connect(str(self.warehouse), read_only=True) as db:
            return db.execute(query).fetchall()


def new_pipeline(folder: Path, source: str, base_url: str) -> Pipeline:
    """Make a folder with a copy of the dbt project whose mapping is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline(folder, source, base_url)
    shutil.copytree(
        ROOT / "dbt_project",
        pipeline.project,
        ignore=shutil.ignore_patterns("target", "logs", "__pycache__", "functions"),
    )
    for seed in (pipeline.project / "seeds" / "mapping").glob("*.csv"):
        seed.write_text(seed.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    return pipeline


def writes_per_kind(accepted: dict[tuple[str, str], int]) -> dict[str, int]:
    """Sum a simulator's accepted writes by the kinds that can be told apart by their path."""
    kinds = {
        ("POST", "/data_attributes"): "data_attribute.create",
        ("POST", "/conversations/attributes"): "conversation_attribute.create",
        ("POST", "/tags"): "tag.create",
        ("POST", "/companies"): "company.upsert",
        ("POST", "/contacts"): "contact.upsert",
        ("PUT", "/contacts/{contact_id}"): "contact.upsert",
        ("POST", "/contacts/{contact_id}/companies"): "contact.company",
        ("POST", "/conversations"): "conversation.create",
        ("POST", "/conversations/{conversation_id}/customers"): "conversation.participant",
        ("POST", "/conversations/{conversation_id}/reply"): "conversation.reply",
        ("PUT", "/conversations/{conversation_id}"): "conversation.attribute",
        ("POST", "/conversations/{conversation_id}/tags"): "conversation.tag",
        ("POST", "/conversations/{conversation_id}/parts"): "conversation.assignment + state",
    }
    counted: dict[str, int] = {}
    for call, number in accepted.items():
        kind = kinds.get(call, " ".join(call))
        counted[kind] = counted.get(kind, 0) + number
    return counted
