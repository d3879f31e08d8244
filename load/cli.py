"""The loader's commands: plan, sign-off, apply, status.

Talk goes to stderr, data to stdout; without --execute nothing is written.

`app` can be run or mounted; the functions can be registered under another program's name, too.
"""

import functools
import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ParamSpec, Self, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from load.clock import Clock, SystemClock
from load.engine import WORKERS, Result, Tick
from load.engine import apply as apply_plan
from load.errors import EXIT_LEFT_OVER, LoadError
from load.ledger import Ledger
from load.plan import LIMITS, Plan, make_plan
from load.publish import check_ledger
from load.selection import Selection, described
from load.settings import Settings, load_settings
from load.sign_off import refusal as sign_off_refusal
from load.sign_off import sign_off
from load.status import Status, read_status
from load.warehouse import read_gate, reading

LINE_SECONDS = 10.0
"""Between two lines of progress where there is no terminal."""

P = ParamSpec("P")
R = TypeVar("R")

SHOWN = 3
"""Slots named of a list."""

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Execute = Annotated[bool, typer.Option("--execute", help="Write to Intercom. Without it the plan is printed.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Also try what was left over before.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Conversations at a time.")]

CreatedSince = Annotated[
    str | None,
    typer.Option(
        "--created-since", help="Only conversations since a day (2026-10-24) or days before the extract (30d)."
    ),
]
Teams = Annotated[list[str] | None, typer.Option("--team", help="Only conversations of this team; may be repeated.")]
States = Annotated[
    list[str] | None, typer.Option("--state", help="Only open, closed or snoozed conversations; may be repeated.")
]
Conversations = Annotated[
    list[str] | None, typer.Option("--conversation", help="Only this one, by key or number; may be repeated.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only so many, the newest.")]

app = typer.Typer(no_args_is_help=True, help="Loads a tested plan into Intercom.")


def talk() -> Console:
    """The console for everything that is not data."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn this package's errors into a sentence and an exit code; a stack trace is for bugs only."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except LoadError as error:
            talk().print(f"[bold red]stopped:[/] {_escaped(error)}")
            raise typer.Exit(error.exit_code) from error

    return guarded


@app.command()
@reports_errors
def plan(
    *,
    created_since: CreatedSince = None,
    team: Teams = None,
    state: States = None,
    conversation: Conversations = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Show what would be sent: writes per phase and kind, what blocks, how long it takes. Sends nothing."""
    selection = Selection(created_since, tuple(team or ()), tuple(state or ()), tuple(conversation or ()), limit)
    show_plan(current_plan(load_settings(), selection), as_json=as_json)


@app.command()
@reports_errors
def apply(
    *,
    execute: Execute = False,
    retry_failed: RetryFailed = False,
    workers: Workers = WORKERS,
    created_since: CreatedSince = None,
    team: Teams = None,
    state: States = None,
    conversation: Conversations = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Send what is not in Intercom yet. Can be stopped and repeated at any time; nothing is sent twice.

    A selection sends some conversations and everything that they refer to: a pass over 30 days is
    `apply --execute --created-since 30d`. A later apply without it sends the rest.
    """
    settings = load_settings()
    selection = Selection(created_since, tuple(team or ()), tuple(state or ()), tuple(conversation or ()), limit)
    if not execute:
        show_plan(current_plan(settings, selection), as_json=as_json)
        return
    result = run_apply(settings, retry_failed=retry_failed, workers=workers, selection=selection)
    show_result(result, as_json=as_json)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


@app.command("sign-off")
@reports_errors
def sign_off_command(
    *,
    name: Annotated[str, typer.Option(help="Of the person who has looked at the plan.")],
    as_json: AsJson = False,
) -> None:
    """Record who wants this plan loaded into production. Data or mapping that change later need another sign-off."""
    signed = sign_off(load_settings(), name)
    if as_json:
        _print_json(signed.as_dict())
    console = talk()
    console.print(
        f"{_escaped(signed.name)} has signed off the plan {signed.plan_hash} with the mapping {signed.mapping_hash} "
        f"for the workspace {signed.workspace_id}, {signed.when}."
    )
    console.print(f"Next: {_command('apply')} --execute")


@app.command()
@reports_errors
def status(*, as_json: AsJson = False) -> None:
    """Show where the load stands, from the ledger alone; also while an apply is running elsewhere."""
    show_status(read_status(load_settings().ledger), as_json=as_json)


def current_plan(settings: Settings, selection: Selection | None = None) -> Plan:
    """Compute the plan; a ledger that does not exist yet is not created by it."""
    check_ledger(settings)
    with Ledger(settings.ledger if settings.ledger.is_file() else None) as ledger:
        found = make_plan(settings.warehouse, ledger, selection=selection)
        with reading(settings.warehouse, SystemClock()) as db:
            gate = read_gate(db, compare=False)
        refusal = found.refusal or gate.refusal_for(settings.intercom.workspace_id)
        return replace(found, refusal=refusal or sign_off_refusal(settings.intercom, ledger, gate))


def run_apply(
    settings: Settings, *, retry_failed: bool = False, workers: int = WORKERS, selection: Selection | None = None
) -> Result:
    """Apply with progress on stderr: bars on a terminal, lines elsewhere."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # their lines show addresses of requests
    with Display(talk()) as display:
        return apply_plan(
            settings,
            retry_failed=retry_failed,
            workers=workers,
            selection=selection,
            on_plan=display.announce,
            on_tick=display.tick,
        )


class Display:
    """Progress of an apply.

    Args:
        console: where it goes.
        clock: where time comes from.
    """

    def __init__(self, console: Console, *, clock: Clock | None = None) -> None:
        self._console = console
        self._clock = clock or SystemClock()
        self._tasks: dict[int, TaskID] = {}
        self._started: dict[int, float] = {}
        self._before: dict[int, int] = {}
        self._next_line = 0.0
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:>8}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def announce(self, plan: Plan) -> None:
        """Say what is going to be sent."""
        if plan.chosen:
            self._console.print(_escaped(plan.chosen.sentence))
        self._console.print(f"{plan.total:,} writes are due in {len(plan.phases)} phases.")
        for phase in plan.phases:
            self._tasks[phase.phase] = self._progress.add_task(
                phase.name, total=phase.total + phase.implied, rate="", figures="", start=False
            )

    def tick(self, tick: Tick) -> None:
        """Show where the run stands."""
        now = self._clock.monotonic()
        started = self._started.setdefault(tick.phase, now)
        rate = f"{tick.done / (now - started):.0f}/s" if now > started else ""
        figures = ", ".join(
            f"{number:,} {name}"
            for name, number in (
                ("x 429", tick.figures["rate_limited"]),
                ("retries", tick.figures["retries"]),
                ("left over", tick.dead),
            )
            if number
        )
        task = self._tasks.get(tick.phase)
        if task is not None:
            if not tick.done:
                self._progress.start_task(task)
            self._progress.update(task, completed=tick.done, rate=rate, figures=figures)
        finished = tick.done >= tick.total
        if not self._console.is_terminal and (now >= self._next_line or finished):
            self._next_line = now + LINE_SECONDS
            more = f", {figures}" if figures else ""
            self._console.print(f"{tick.name}: {tick.done:,} of {tick.total:,} {rate}{more}")


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan; data on stdout."""
    if as_json:
        _print_json(plan.as_dict())
    elif plan.total or any(phase.implied for phase in plan.phases):
        table = Table("phase", "kind", box=None, pad_edge=False)
        table.add_column("writes", justify="right")
        for phase in plan.phases:
            for kind, number in phase.writes.items():
                table.add_row(phase.name, kind, f"{number:,}")
            if phase.implied:
                table.add_row(phase.name, "open, as new ones are", "0")
        table.add_row("all", "", f"{plan.total:,}")
        Console(highlight=False).print(table)
    _remark(plan, talk())


def _remark(plan: Plan, console: Console) -> None:
    if plan.chosen:
        console.print(_escaped(plan.chosen.sentence))
    console.print(f"{plan.rows:,} rows in the plan, {plan.settled:,} are so already, {plan.total:,} writes are due.")
    limits = (plan.requests_per_window,) if plan.requests_per_window else LIMITS
    if plan.total:
        times = " or ".join(f"{_duration(plan.seconds(limit))} at {limit:,} per 10 s" for limit in limits)
        console.print(f"At the workspace's limit that takes at least {times}.")
    retry = f"{_command('apply')} --execute --retry-failed"
    for listed, text in (
        (plan.changed, "changed after they were sent and cannot be changed in Intercom"),
        (plan.vanished, "are in Intercom and no longer in the plan; look at them"),
        (plan.held, f"wait for what was left over: see {_command('status')}, then {retry}"),
    ):
        if listed.count:
            console.print(f"{listed.count:,} {text}: {', '.join(listed.first[:SHOWN])}")
    if plan.unresolved:
        console.print(f"{plan.unresolved} calls of an earlier run have no answer; the next apply looks them up first.")
    if plan.refusal:
        console.print(f"[yellow]An apply would be refused:[/] {_escaped(plan.refusal)}")
    elif plan.total:
        console.print(f"Next: {_command('apply')} --execute")
    else:
        console.print(f"Nothing to send. Next: {_command('verify')}")


def show_result(result: Result, *, as_json: bool) -> None:
    """Print what an apply did; data on stdout."""
    if as_json:
        _print_json(result.as_dict())
    else:
        _print_counts("written", result.written)
    console = talk()
    left = sum(result.left_over.values()) + result.plan.held.count
    done = f"{sum(result.written.values()):,} of {result.plan.total:,} announced writes accepted"
    apart = ", ".join(
        f"{number:,} {text}"
        for text, number in (
            ("found by looking", result.found),
            ("adopted another way", sum(result.adopted.values())),
            ("left over", left),
            ("retries", result.figures["retries"]),
            ("x 429", result.figures["rate_limited"]),
        )
        if number
    )
    console.print(f"{done} in {_duration(result.seconds)}{'; ' + apart if apart else ''}.")
    if result.plan.chosen:
        console.print(_escaped(result.plan.chosen.sentence))
    if result.published.message:
        console.print(
            f"The receipts are not in the warehouse yet: {_escaped(result.published.message)} "
            "The next build fetches them."
        )
    if result.state != "finished":
        console.print(f"The run was {result.state}: {_escaped(result.reason or '')}")
        console.print(f"Next: {_command('apply')} --execute  (goes on from here)")
    elif result.exit_code == EXIT_LEFT_OVER:
        console.print(f"Next: {_command('status')}, then {_command('apply')} --execute --retry-failed")
    else:
        console.print(f"Next: {_command('verify')}")


def show_status(status: Status, *, as_json: bool) -> None:
    """Print a status; data on stdout."""
    if as_json:
        _print_json(status.as_dict())
        return
    console = talk()
    if status.run is None:
        console.print(f"The ledger knows of no load. Next: {_command('plan')}")
        return
    _print_counts("in Intercom", status.settled)
    run = status.run
    done, announced = sum(run.done.values()), sum(run.announced.values())
    left = f", {_duration(run.seconds_left)} left" if run.seconds_left is not None else ""
    holder = f" ({run.process})" if run.process else ""
    reason = f": {_escaped(run.reason)}" if run.reason else ""
    console.print(
        f"Workspace {status.workspace_id}. Run {run.run_id} is {run.state}{holder}{reason}; "
        f"{done:,} of {announced:,} writes in {_duration(run.seconds)}{left}."
    )
    if run.selection:
        console.print(f"It is of a part of the plan: {_escaped(described(run.selection))}.")
    if status.unresolved:
        console.print(f"{status.unresolved} calls have no answer; the next apply looks them up first.")
    if status.left_over:
        counts = ", ".join(f"{number:,} {reason}" for reason, number in sorted(status.left_over.items()))
        console.print(f"Left over: {counts}.")
        for letter in status.first:
            request = f" (request {letter.request_id})" if letter.request_id else ""
            console.print(f"  {letter.slot}: {letter.reason}: {_escaped(letter.message)}{request}")
    if run.state != "running":
        tail = " --retry-failed" if set(status.left_over) & {"refused", "unknown"} else ""
        console.print(f"Next: {_command('apply')} --execute{tail}" if tail or run.state != "finished" else "")


def _print_counts(title: str, counts: Mapping[str, int]) -> None:
    table = Table("kind", box=None, pad_edge=False)
    table.add_column(title, justify="right")
    for kind, number in sorted(counts.items()):
        table.add_row(kind, f"{number:,}")
    Console(highlight=False).print(table)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{seconds:.1f} s"


def _command(name: str) -> str:
    """A command as the user calls it."""
    program = Path(sys.argv[0])
    return f"{program.parent.name if program.stem == '__main__' else program.stem} {name}"


def _escaped(text: object) -> str:
    return str(text).replace("[", r"\[")
