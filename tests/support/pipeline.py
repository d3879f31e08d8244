"""Runs the command line as a person would: one folder, one environment, one process per command."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from load import silence
from load.simulator import Options, Served, Workspace, serve
from otrs2intercom.rehearsal import people_of

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Pipeline:
    """A warehouse, a ledger and a copy of the dbt project in a folder, a source and a workspace.

    ``settings`` are further environment variables, such as OTRS__TIMEZONE.
    """

    folder: Path
    source: str
    base_url: str
    settings: Mapping[str, str] = field(default_factory=dict)

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
            "FILE_STORAGE__PUBLIC_URL": "https://files.example.com",
            "INTERCOM__PURPOSE": "sandbox",
            **self.settings,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return at once; an apply acknowledges all side effects."""
        asked = list(arguments)
        if "--execute" in asked and asked[0] == "apply":
            asked += [option for name in silence.ALL for option in ("--acknowledge", name)]
        command = [sys.executable, "-m", "otrs2intercom", *asked]
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
        with self.asking() as ask:
            return ask(query)

    @contextmanager
    def asking(self) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
        """Query it again and again."""
        with duckdb.connect(str(self.warehouse), read_only=True) as db:
            yield lambda query: db.execute(query).fetchall()


@dataclass(frozen=True)
class Loaded:
    """One undisturbed load: what each command with --json answered, and the seconds of every command."""

    pipeline: Pipeline
    served: Served
    findings: list[dict[str, Any]]
    plan: dict[str, Any]
    applied: dict[str, Any]
    verified: dict[str, Any]
    seconds: dict[str, float]


@contextmanager
def loaded_into_a_workspace(folder: Path, source: str, settings: Mapping[str, str] | None = None) -> Iterator[Loaded]:
    """Carry a database through every command to a verified load, and keep the workspace open."""
    seconds: dict[str, float] = {}

    def timed(*arguments: str) -> str:
        started = time.monotonic()
        stdout = pipeline.run(*arguments).stdout
        seconds[" ".join(arguments).removesuffix(" --json")] = time.monotonic() - started
        return stdout

    with Workspace(folder / "intercom.sqlite") as workspace, serve(workspace, Options(rate_limit=10**6)) as served:
        pipeline = new_pipeline(folder, source, served.base_url, settings)
        timed("extract", "otrs")
        seed_people(workspace, pipeline.warehouse)
        findings = findings_of(json.loads(timed("doctor", "--json")))
        timed("extract", "intercom")
        timed("map", "--confirm-all")
        timed("build")
        plan, applied, verified = (
            json.loads(timed(*command, "--json")) for command in (["plan"], ["apply", "--execute"], ["verify"])
        )
        yield Loaded(pipeline, served, findings, plan, applied, verified, seconds)


def findings_of(answer: Any) -> list[dict[str, Any]]:
    """Return what ``doctor --json`` found."""
    return list(answer["findings"] if isinstance(answer, dict) else answer)


def seed_people(workspace: Workspace, warehouse: Path) -> None:
    """Give a simulated workspace the teammates and teams that the warehouse's agents and queues ask for."""
    admins, teams = people_of(warehouse)
    workspace.seed(admins=admins, teams=teams)


def new_pipeline(folder: Path, source: str, base_url: str, settings: Mapping[str, str] | None = None) -> Pipeline:
    """Make a folder with a copy of the dbt project whose mapping is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline(folder, source, base_url, settings or {})
    shutil.copytree(
        ROOT / "dbt_project",
        pipeline.project,
        ignore=shutil.ignore_patterns("target", "logs", "__pycache__", "functions"),
    )
    for seed in (pipeline.project / "seeds" / "mapping").glob("*.csv"):
        seed.write_text(seed.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    return pipeline


def copy_of(pipeline: Pipeline, folder: Path, base_url: str) -> Pipeline:
    """Make a folder with a copy of a pipeline's warehouse and of the dbt project with its mapping; no ledger."""
    folder.mkdir(parents=True, exist_ok=True)
    copied = Pipeline(folder, pipeline.source, base_url, pipeline.settings)
    shutil.copy(pipeline.warehouse, copied.warehouse)
    shutil.copytree(pipeline.project, copied.project, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    return copied


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
        ("POST", "/contacts/{contact_id}/tags"): "contact.tag",
        ("POST", "/help_center/collections"): "collection.create",
        ("POST", "/articles"): "article.create",
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
