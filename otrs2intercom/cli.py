"""The command line. Each command says what it did, what is wrong, and what comes next.

Exit codes: 0 done · 1 a bug · 2 usage · 3 refused to start · 4 records are left over · 5 differences ·
6 the source could not be read · 7 the gate is closed · 130 interrupted.
"""

import errno
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import duckdb
import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.engine import make_url

from extract.errors import ExtractError
from load import cli as load_cli
from load import guards, log
from load.client import Client
from load.clock import SystemClock
from load.engine import check_settings, check_workspace
from load.errors import EXIT_BUG, LoadError
from load.publish import check_ledger, load_times, publish
from load.settings import Settings, load_settings
from load.sign_off import check_workspace_of_plan
from load.warehouse import is_locked, locked_message, read_gate, reading
from otrs2intercom import mapping, transform
from otrs2intercom.screen import Meter, data, size, talk, working

if TYPE_CHECKING:
    from load.simulator import Options

EXIT_GATE_CLOSED = 7
EXIT_DIFFERENCES = 5
EXIT_REFUSED = 3
EXIT_OPEN_DECISIONS = 4

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

app = typer.Typer(
    name="otrs2intercom",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Moves an OTRS, Znuny or OTOBO helpdesk to Intercom. Order of commands: doctor, extract otrs, "
    "extract intercom, map, build, plan, apply --execute, verify.",
)
extract_app = typer.Typer(no_args_is_help=True, help="Fill the warehouse's raw schemas.")
app.add_typer(extract_app, name="extract")


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Check source, warehouse, mapping, workspace and token, and say how much there is to move. Changes nothing."""
    from otrs2intercom.doctor import diagnose  # noqa: PLC0415 - keeps the other commands quick
    from otrs2intercom.scope import show_scope  # noqa: PLC0415

    with working(talk(), "looking at the source"):
        diagnosis = diagnose(load_settings())
    findings = diagnosis.findings
    if as_json:
        typer.echo(transform.as_json(diagnosis.as_data()))
    else:
        if diagnosis.scope:
            show_scope(diagnosis.scope, diagnosis.estimate, data())
        table = Table("area", "", box=None, pad_edge=False)
        table.add_column("finding", overflow="fold")
        colours = {"ok": "green", "warning": "yellow", "problem": "red"}
        for finding in findings:
            colour = colours[finding.level]
            table.add_row(finding.area, f"[{colour}]{finding.level}[/]", escape(finding.text))
        data().print(table)
    problems = sum(finding.level == "problem" for finding in findings)
    if problems:
        talk().print(f"{problems} problems. Mend them, then run `otrs2intercom doctor` again.")
        raise typer.Exit(EXIT_REFUSED)
    talk().print("No problem. Next: otrs2intercom extract otrs")


@extract_app.command("otrs")
def extract_otrs_command(*, as_json: AsJson = False) -> None:
    """Read the OTRS database into raw_otrs: all tables of one moment, all switched together."""
    result = run_extract_otrs(load_settings())
    unread = [table for table in result.tables if not table.is_read and table.row_count]
    unknown = [table for table in unread if table.customer_data is None]
    if as_json:
        typer.echo(
            transform.as_json(
                {
                    "generation": result.generation,
                    "profile": asdict(result.profile),
                    "rows": result.rows,
                    "tables_read": sum(table.is_read for table in result.tables),
                    "tables_unknown": [table.table_name for table in unknown],
                    "rows_added": {table: added for table, (added, _) in result.changes.items()},
                    "rows_deleted": {table: deleted for table, (_, deleted) in result.changes.items()},
                    "rejected_values": result.rejected,
                    "files_fetched": result.files,
                    "file_bytes_fetched": result.file_bytes,
                    "seconds": round(result.seconds, 1),
                }
            )
        )
    console = talk()
    if unknown:
        names = ", ".join(table.table_name for table in unknown)
        console.print(f"Unknown tables with rows, not read: {escape(names)}. See raw_otrs.source_tables.")
    if result.changes:
        added, deleted = (sum(pair[side] for pair in result.changes.values()) for side in (0, 1))
        console.print(f"Since the previous extract: {added:,} rows came, {deleted:,} went; see raw_otrs.row_changes.")
    uncertain = ", ".join(
        table.table_name for table in result.tables if table.is_read and "transactions" in table.reason
    )
    if uncertain:
        console.print(f"Without transactions, so not certainly of the same moment: {escape(uncertain)}.")
    if result.rejected:
        console.print(f"{result.rejected:,} values had to be changed; see raw_otrs.rejected.")
    console.print("Next: otrs2intercom extract intercom")


@extract_app.command("intercom")
def extract_intercom_command(*, as_json: AsJson = False) -> None:
    """Read the workspace's teammates, teams, tags, attributes, contacts and companies into raw_intercom."""
    result = run_extract_intercom(load_settings())
    if as_json:
        typer.echo(transform.as_json(asdict(result)))
    talk().print("Next: otrs2intercom map")


@app.command("map")
def map_command(
    *,
    confirm_all: Annotated[
        bool, typer.Option("--confirm-all", help="Confirm every open row as proposed. For rehearsals.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only list what is open.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propose who and what stands for what in Intercom, as CSV files. Confirming is an edit of the file."""
    settings = load_settings()
    states = mapping.check(settings) if check else run_map(settings, confirm_all=confirm_all)
    if as_json:
        typer.echo(transform.as_json([asdict(state) for state in states]))
    else:
        table = Table("mapping", "rows", "new", "open", "open, but unused", box=None, pad_edge=False)
        for state in states:
            table.add_row(state.seed, str(state.rows), str(state.added), str(state.open), str(state.unused))
        data().print(table)
        for state in states:
            if state.open_rows:
                data().print(f"\n{escape(_short(state.path))}", soft_wrap=True)
            for row in state.open_rows:
                score = f", score {row.score}" if row.score else ""
                about = f"line {row.line}: {row.about}: {row.proposal} ({row.reason}{score})"
                data().print(f"  {escape(about)}", soft_wrap=True)
    settled = _say_what_is_open(states, undecided=check and not any(state.rows for state in states))
    if check and not settled:
        raise typer.Exit(EXIT_OPEN_DECISIONS)


def _say_what_is_open(states: Sequence[mapping.MappingState], *, undecided: bool) -> bool:
    """Say what is to be decided; returns whether nothing is, and every name is one of the workspace."""
    broken = [complaint for state in states for complaint in state.broken]
    for complaint in broken:
        talk().print(f"[bold red]{escape(complaint)}[/]", soft_wrap=True)
    still_open = sum(state.open for state in states)
    if undecided:
        talk().print("There are no decisions yet: run `otrs2intercom map`, which proposes them.")
    elif still_open:
        talk().print(
            f"{still_open} decisions are open. Edit the files in {escape(str(mapping.folder()))}, set decision to "
            "confirmed, then run `otrs2intercom build`."
        )
    elif not broken:
        talk().print("Every decision is confirmed. Next: otrs2intercom build")
    return not (undecided or still_open or broken)


@app.command()
def build(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every line of dbt.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn the raw tables into the plan, and test it: `dbt build`, and the gate's record."""
    settings = load_settings()
    with working(talk(), "dbt build"):
        gate = run_build(settings, quiet=not verbose)
    if as_json:
        typer.echo(transform.as_json(asdict(gate)))
    if not gate.passed:
        still_open = {state.seed: state.open for state in mapping.check() if state.open}
        counts = ", ".join(f"{number} in {seed}.csv" for seed, number in still_open.items())
        decisions = f"Open decisions: {counts}; `otrs2intercom map --check` lists them.\n" if counts else ""
        blockers = "\n".join(f"  {name}" for name in gate.blockers)
        talk().print(
            f"[bold red]The gate is closed:[/] {gate.tests_passed:,} of {gate.tests_in_manifest:,} tests passed. "
            f"What failed:\n{escape(blockers)}\n{escape(decisions)}"
            "Rows that a test found: .venv/bin/dbt show --select <test> --project-dir dbt_project "
            "--profiles-dir profiles"
        )
        raise typer.Exit(EXIT_GATE_CLOSED)
    talk().print(
        f"The gate is open: {gate.tests_passed:,} of {gate.tests_in_manifest:,} tests passed. Next: otrs2intercom plan"
    )


@app.command()
def verify(
    *,
    sample_size: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="Look at so many conversations, chosen by hash: each time the same."),
    ] = None,
    without_files: Annotated[
        bool, typer.Option("--without-files", help="Do not fetch the files, so compare them without their bytes.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Read everything anew, also what a verify that was killed has read.")
    ] = False,
    csv_path: Annotated[
        Path | None, typer.Option("--csv", help="Write every difference to this file, explained or not.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read everything loaded back and compare it field by field. Exit code 5 on a difference that no rule explains."""
    result = run_verify(load_settings(), sample_size, with_files=not without_files, fresh=fresh, csv_path=csv_path)
    if as_json:
        typer.echo(transform.as_json(result.as_data()))
    console = talk()
    console.print(verdict(result))
    for rule, number in result.explained.items():
        console.print(f"  {number:,} by the rule {rule}")
    for difference in result.differences:
        console.print(
            escape(
                f"  {difference['object']} {difference['part_key'] or difference['object_key']}: {difference['field']} "
                f"is {difference['status']}"
            )
        )
    if result.explained:
        console.print("Rules and cases: select * from reconciliation.explained_differences")
    if not result.clean:
        console.print(
            "All differences, with what was wanted and what was found: select * from reconciliation.differences, or "
            "verify --csv <file>"
        )
        raise typer.Exit(EXIT_DIFFERENCES)


@app.command()
def sample(
    url: Annotated[str, typer.Argument(help="SQLAlchemy URL of an empty database.")] = "sqlite:///otrs-sample.sqlite",
    tickets: Annotated[int, typer.Option(min=1, help="Number of tickets.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed gives other people and tickets.")] = 1,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a sample OTRS 6 database of invented people and tickets."""
    summary = run_sample(url, tickets, seed)
    if as_json:
        typer.echo(transform.as_json({**asdict(summary), "rows": dict(summary.rows)}))
    shown = make_url(url).render_as_string(hide_password=True)
    talk().print(f"Next: export OTRS__CREDENTIALS='{escape(shown)}', then otrs2intercom doctor")


@app.command()
def simulate(
    store: Annotated[Path, typer.Option(help="SQLite file of the simulated workspace.")] = Path(
        "simulated-workspace.sqlite"
    ),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    rate_limit: Annotated[int, typer.Option(min=1, help="Requests per window of ten seconds.")] = 1666,
    faults: Annotated[Path | None, typer.Option(help="JSON file of faults to inject.")] = None,
    fault_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of requests that meet a fault by chance, e.g. 0.05.")
    ] = 0.0,
    fault_seed: Annotated[int, typer.Option(help="Another seed gives other faults.")] = 1,
    workspace_id: Annotated[str, typer.Option(help="Of the workspace, so that two can be rehearsed.")] = "simulated",
    region: Annotated[Literal["US", "EU", "AU"], typer.Option(help="Where the workspace says it is.")] = "US",
    token: Annotated[
        str | None, typer.Option(help="The only access token that is accepted, an invented one; by default any is.")
    ] = None,
    *,
    from_warehouse: Annotated[
        bool,
        typer.Option("--from-warehouse", help="Teammates and teams for the agents and queues extracted."),
    ] = False,
) -> None:
    """Run a local Intercom workspace for rehearsals. It keeps the real one's rules; it is not the real one."""
    from load.simulator import Options, faults_from_json, run_forever  # noqa: PLC0415 - keeps the rest quick
    from otrs2intercom.rehearsal import seed_from_warehouse  # noqa: PLC0415

    console = talk()
    if from_warehouse:
        settings = load_settings()
        transform.require_extract(settings)
        admins, teams = seed_from_warehouse(store, settings.warehouse)
        console.print(f"{admins} teammates and {teams} teams, as OTRS has agents and queues.")
    options = Options(
        access_token=token,
        workspace_id=workspace_id,
        region=region,
        rate_limit=rate_limit,
        faults=tuple(faults_from_json(faults.read_text(encoding="utf-8"))) if faults else (),
        fault_rate=fault_rate,
        fault_seed=fault_seed,
    )

    def ready(address: str) -> None:
        typer.echo(address)
        sys.stdout.flush()
        line = escape(settings_of_simulated(address, options))
        console.print(f"The simulated workspace answers. In another terminal:\n{line}\nCtrl-C ends it.")

    try:
        run_forever(store, "127.0.0.1", port, options, ready)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _stop(
            f"Port {port} is in use, perhaps by another simulated workspace: end that one, or name another "
            "with --port (0 takes a free one).",
            EXIT_REFUSED,
        )


def settings_of_simulated(address: str, options: "Options") -> str:
    """Return the line for a shell that sets what a load into a simulated workspace needs."""
    settings = {
        "INTERCOM__BASE_URL": address,
        "INTERCOM__ACCESS_TOKEN": options.access_token or "any",
        "INTERCOM__WORKSPACE_ID": options.workspace_id,
        "INTERCOM__REGION": options.region,
        "INTERCOM__PURPOSE": "sandbox",
    }
    return f"export {' '.join(f'{name}={shlex.quote(value)}' for name, value in settings.items())}"


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where everything is made; made anew at each run.")] = Path("demo"),
    tickets: Annotated[int, typer.Option(min=1, help="Number of tickets.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed gives other people and tickets.")] = 1,
) -> None:
    """Run everything on a sample OTRS and a simulated workspace: from nothing to a verified load."""
    from otrs2intercom.demo import run_demo  # noqa: PLC0415 - keeps the other commands quick

    code = run_demo(folder, tickets, seed)
    if code:
        raise typer.Exit(code)


guards.further.append(mapping.require_built)

for name, command in (
    ("plan", load_cli.plan),
    ("sign-off", load_cli.sign_off_command),
    ("apply", load_cli.apply),
    ("status", load_cli.status),
    ("decide", load_cli.decide),
    ("rollback", load_cli.rollback),
):
    app.command(name)(command)


def run_extract_otrs(settings: Settings) -> Any:
    """Extract with progress on stderr."""
    from extract.otrs import Progress, extract_otrs  # noqa: PLC0415 - dlt takes a second to import
    from extract.otrs.settings import otrs_settings  # noqa: PLC0415

    console = talk()
    with Meter(console, "reading OTRS", "rows") as rows, Meter(console, "fetching attachments", "files") as files:
        result = extract_otrs(
            otrs_settings(),
            settings.warehouse,
            Progress(
                on_table=lambda table, done, total: rows.show(done, total, table),
                on_files=lambda done, total, fetched: files.show(done, total, f"fetching files, {size(fetched)}"),
            ),
        )
    profile = result.profile
    console.print(
        f"Read {result.rows:,} rows of {sum(table.is_read for table in result.tables)} tables and "
        f"{result.files:,} new files ({size(result.file_bytes)}) of {profile.product} {profile.version} in "
        f"{result.seconds:.1f} s, as of one moment: generation {result.generation}."
    )
    return result


def run_extract_intercom(settings: Settings) -> Any:
    """Extract with progress on stderr."""
    from extract.intercom import extract_intercom  # noqa: PLC0415 - dlt takes a second to import

    check_settings(settings)
    console = talk()
    with Client(settings.intercom) as client, Meter(console, "reading Intercom", "rows") as meter:
        check_workspace(client, settings.intercom)
        result = extract_intercom(
            client.fetch,
            settings.warehouse,
            lambda table, rows: meter.show(rows, rows, table),
            loads=load_times(settings.ledger),
        )
    counts = ", ".join(f"{number:,} {table.replace('_', ' ')}" for table, number in result.rows.items())
    console.print(f"Read {counts} in {result.seconds:.1f} s: generation {result.generation}.")
    return result


def run_map(settings: Settings, *, confirm_all: bool) -> list[mapping.MappingState]:
    """Propose with a sign of life on stderr."""
    with working(talk(), "proposing"):
        return mapping.propose(settings, confirm_all=confirm_all)


def run_build(settings: Settings, *, quiet: bool = False) -> transform.Gate:
    """Publish the receipts, run dbt, read the gate."""
    transform.require_extract(settings)
    transform.require_workspace(settings)
    transform.require_own_workspace(settings)
    check_ledger(settings)
    mapping.check()
    publish(settings.ledger, settings.warehouse)
    before = transform.read_gate(settings)
    transform.dbt(settings, ["build", *transform.DATA_ONLY], quiet=quiet)
    gate = transform.read_gate(settings)
    if gate is None or gate == before:
        raise transform.TransformError("dbt did not get as far as the plan; the lines above say why.")
    return gate


def run_verify(
    settings: Settings,
    sample_size: int | None = None,
    *,
    with_files: bool = True,
    fresh: bool = False,
    csv_path: Path | None = None,
) -> Any:
    """Verify with progress on stderr."""
    from otrs2intercom.verify import verify as verify_load  # noqa: PLC0415 - dlt takes a second to import

    check_settings(settings)
    check_ledger(settings)
    if settings.warehouse.is_file():
        with reading(settings.warehouse, SystemClock()) as db:
            check_workspace_of_plan(settings.intercom, read_gate(db, compare=False))
    with log.writing(settings.log_file), Meter(talk(), "reading back", "objects") as meter:
        result = verify_load(
            settings,
            sample=sample_size,
            with_files=with_files,
            fresh=fresh,
            on_progress=meter.show,
            csv_path=csv_path,
        )
    if result.kept:
        talk().print(
            f"{result.kept:,} objects were read by a verify that was interrupted, the oldest at "
            f"{result.since:%Y-%m-%d %H:%M} UTC; --fresh reads them anew."
        )
    return result


def run_sample(url: str, tickets: int, seed: int) -> Any:
    """Write a sample with progress on stderr."""
    from otrs2intercom.sample import write_sample  # noqa: PLC0415 - faker takes a while to import

    console = talk()
    with Meter(console, "writing the sample", "tickets") as meter:
        summary = write_sample(url, tickets, seed, on_progress=meter.show)
    console.print(
        f"Wrote {summary.tickets:,} tickets with {summary.articles:,} articles and {summary.attachments:,} files "
        f"({size(summary.attachment_bytes)}) of {summary.customers:,} customers and {summary.companies:,} companies."
    )
    return summary


def verdict(result: Any) -> str:
    """Say in one sentence what a verification found."""
    scope = ""
    if result.sample is not None:
        scope = f" (a sample of {result.conversations:,} of {result.planned:,} conversations, chosen by hash)"
    elif result.is_of_selection:
        scope = f" (the selection that was loaded, {result.conversations:,} of {result.planned:,} conversations)"
    explained = result.fields.get("explained", 0)
    return (
        f"{'All ' if result.clean else ''}{result.verified:,} of {result.tickets:,} tickets{scope} are in Intercom as "
        f"they were wanted, in {result.conversations:,} conversations; {result.excluded:,} excluded with a reason; "
        f"{result.fields.get('identical', 0):,} fields compared equal, {explained:,} differ by a rule with a name, "
        f"{result.differing:,} differ; {result.files:,} files compared by their bytes."
    )


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main() -> None:
    """Run the command line; a person's errors become a sentence and an exit code."""
    try:
        app()
    except duckdb.IOException as error:
        if not is_locked(error):
            raise
        _stop(locked_message(load_settings().warehouse, error), EXIT_REFUSED)
    except (ExtractError, LoadError) as error:
        _stop(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - a person's errors are told, bugs without the data they had in hand
        code = getattr(error, "exit_code", None)
        if not isinstance(code, int):
            load_cli.report_bug(error)
            sys.exit(EXIT_BUG)
        _stop(str(error), code)


def _stop(message: str, code: int) -> None:
    talk().print(f"[bold red]stopped:[/] {escape(message)}")
    sys.exit(code)
