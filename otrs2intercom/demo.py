"""Everything once, on a sample and a simulated workspace, in a folder of its own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from load import cli as load_cli
from load import silence
from load.settings import load_settings
from otrs2intercom import cli, transform
from otrs2intercom.rehearsal import seed_from_warehouse
from otrs2intercom.screen import talk, working

MARKER = ".otrs2intercom-demo"
WORKSPACE_ID = "simulated"

LOOKS = (
    ("the plan", "select slot, method, path, payload from intercom.requests limit 20"),
    ("what was left out, and why", "select * from reconciliation.exclusions limit 20"),
    ("the balance of records", "select * from reconciliation.conservation"),
)


class FolderInUseError(Exception):
    """The folder holds something that the demo did not make."""

    exit_code = 3


def run_demo(folder: Path, tickets: int, seed: int) -> int:
    """Run all steps; returns the exit code.

    Raises:
        FolderInUseError: the folder exists and is not one of the demo's.
    """
    console = talk()
    started = time.monotonic()
    _prepare(folder)
    os.environ.update(
        {
            "OTRS__CREDENTIALS": f"sqlite:///{folder / 'otrs.sqlite'}",
            "WAREHOUSE__PATH": str(folder / "warehouse.duckdb"),
            "LEDGER__PATH": str(folder / "ledger.sqlite"),
            "DBT_PROJECT_DIR": str(folder / "dbt_project"),
            "INTERCOM__ACCESS_TOKEN": "demo",
            "INTERCOM__WORKSPACE_ID": WORKSPACE_ID,
            "INTERCOM__PURPOSE": "sandbox",
        }
    )
    settings = load_settings()
    store = folder / "intercom.sqlite"
    # What needs none of the data starts at once: the simulator, and dbt's reading of the project.
    with _simulator(store) as simulator, transform.parse_ahead(settings) as parsing:
        _step(console, 1, "a sample OTRS database")
        cli.run_sample(os.environ["OTRS__CREDENTIALS"], tickets, seed)
        _step(console, 2, "extract otrs: every table of one moment into DuckDB")
        cli.run_extract_otrs(settings)
        seed_from_warehouse(store, settings.warehouse)
        os.environ["INTERCOM__BASE_URL"] = _address(simulator, store)
        settings = load_settings()
        _step(console, 3, "extract intercom: teammates, teams, tags, attributes of the workspace")
        cli.run_extract_intercom(settings)
        _step(console, 4, "map: who stands for whom; confirmed as proposed, since this is a demo")
        parsing.wait()
        states = cli.run_map(settings, confirm_all=True)
        console.print(f"{sum(state.rows for state in states)} decisions in {len(states)} CSV files.")
        _step(console, 5, "build: dbt turns the rows into requests and tests them")
        with working(console, "dbt build"):
            gate = cli.run_build(settings, quiet=True)
        if not gate.passed:
            console.print(f"[bold red]The gate is closed:[/] {', '.join(gate.blockers)}")
            return cli.EXIT_GATE_CLOSED
        console.print(f"The gate is open: {gate.tests_passed:,} of {gate.tests_in_manifest:,} tests passed.")
        _step(console, 6, "apply --execute: send the plan, with all side effects acknowledged, since nobody is there")
        result = load_cli.run_apply(settings, acknowledge=silence.ALL)
        load_cli.show_result(result, as_json=False)
        if result.exit_code:
            return result.exit_code
        _step(console, 7, "verify: read everything back and compare")
        verification = cli.run_verify(settings)
    seconds = time.monotonic() - started
    console.print(cli.verdict(verification))
    writes = sum(result.written.values())
    console.print(
        f"\n[bold]Done in {seconds:.0f} s:[/] a sample OTRS of {tickets:,} tickets was sent to a simulated Intercom in "
        f"{writes:,} requests, {writes / result.seconds:.0f} a second, then read back and compared. "
        f"{verification.verified:,} tickets are there as wanted, {verification.excluded:,} were left out with a "
        f"reason, {verification.tickets - verification.verified:,} differ.\n"
        "Where to look, in SQL (any DuckDB client does):"
    )
    for purpose, statement in LOOKS:
        console.print(f"  {purpose}\n    {_sql(settings.warehouse, statement)}")
    return 0 if verification.clean else cli.EXIT_DIFFERENCES


def _sql(warehouse: Path, statement: str) -> str:
    client = Path(sys.executable).with_name("duckdb")
    shown = client.relative_to(Path.cwd()) if client.is_relative_to(Path.cwd()) else client
    return f'{shown} -readonly {warehouse} "{statement}"'


def _step(console: Console, number: int, title: str) -> None:
    console.print(f"[bold]{number}/7[/] {title}")


def _prepare(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise FolderInUseError(
                f"{folder} exists and was not made by the demo. Name another folder with --folder, or move it away."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by `otrs2intercom demo`; made anew at each run.\n", encoding="utf-8")
    shutil.copytree(
        transform.ROOT / "dbt_project",
        folder / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs", "__pycache__", "functions"),
    )
    for seed in (folder / "dbt_project" / "seeds" / "mapping").glob("*.csv"):
        header = seed.read_text(encoding="utf-8").splitlines()[0]
        seed.write_text(header + "\n", encoding="utf-8")  # the demo decides for itself


@contextmanager
def _simulator(store: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "otrs2intercom", "simulate", "--store", str(store), "--port", "0"]
    with (
        _log(store).open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _log(store: Path) -> Path:
    return store.with_suffix(".log")


def _address(simulator: subprocess.Popen[str], store: Path) -> str:
    """Return where the simulator listens, which is the first line it says."""
    address = simulator.stdout.readline().strip() if simulator.stdout else ""
    if not address:
        raise RuntimeError(f"the simulator did not start; see {_log(store)}")
    return address
