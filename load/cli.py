"""The loader's commands: plan, sign-off, apply, status, decide, rollback.

Talk goes to stderr, data to stdout; without --execute nothing is written.

`app` can be run or mounted; the functions can be registered under another program's name, too.
"""

import functools
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from load import guards, log, silence
from load.clock import SystemClock
from load.decisions import decide as decide_about
from load.engine import Result
from load.engine import apply as apply_plan
from load.errors import EXIT_BUG, EXIT_LEFT_OVER, LoadError, SelectionError, SettingsError
from load.ledger import Ledger
from load.plan import AFTER, LIMITS, Plan, make_plan
from load.progress import Display
from load.publish import check_ledger
from load.rollback.command import register as register_rollback
from load.screen import command, counted, data, duration, escaped, painted, talk
from load.selection import Selection, options
from load.settings import Settings, load_settings
from load.sign_off import refusal as sign_off_refusal
from load.sign_off import sign_off
from load.status import Status, read_status
from load.status_screen import after_left_over, next_step, rendered, watch
from load.warehouse import read_gate, reading
from load.workers import MOST

P = ParamSpec("P")
R = TypeVar("R")

SHOWN = 3
"""Slots named of a list."""

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Execute = Annotated[bool, typer.Option("--execute", help="Write to Intercom. Without it the plan is printed.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Also try what was left over before.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=MOST, help="Conversations at a time; by default as many as the latency needs."),
]
Acknowledge = Annotated[
    list[str] | None,
    typer.Option("--acknowledge", metavar="NAME", help="A side effect, as plan lists them, that you know of."),
]

MaxErrors = Annotated[
    int | None,
    typer.Option(min=0, help="Stop when more records than this were refused, or are for a person to decide."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show the log's lines on stderr, too; progress in lines instead of bars.")
]
Watching = Annotated[bool, typer.Option("--watch", help="Show it again and again until the run has ended.")]
Every = Annotated[float, typer.Option(min=0.2, help="Seconds between two looks of --watch.")]

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

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Loads a tested plan into Intercom.")


def reports_errors(run: Callable[P, R]) -> Callable[P, R]:
    """Turn this package's errors into a sentence and an exit code; a stack trace is for bugs only."""

    @functools.wraps(run)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return run(*args, **kwargs)
        except LoadError as error:
            talk().print(f"[bold red]stopped:[/] {escaped(error)}")
            raise typer.Exit(error.exit_code) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 - shown, without the values that its message may hold
            report_bug(error)
            raise typer.Exit(EXIT_BUG) from None

    return guarded


def report_bug(error: BaseException) -> None:
    """Show where the program failed; never what it had in hand, since that may be a customer's."""
    talk().print(f"[bold red]a bug:[/] {escaped(log.trace_of(error))}")
    talk().print("What was sent is in the ledger. The lines above hold nothing of your data: report them.")


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
    selection = _selection(created_since, team, state, conversation, limit)
    show_plan(current_plan(load_settings(), selection), as_json=as_json)


@app.command()
@reports_errors
def apply(
    *,
    execute: Execute = False,
    retry_failed: RetryFailed = False,
    max_errors: MaxErrors = None,
    acknowledge: Acknowledge = None,
    workers: Workers = None,
    verbose: Verbose = False,
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
    selection = _selection(created_since, team, state, conversation, limit)
    with _usage():
        silence.check_names(acknowledge or ())
    if not execute:
        show_plan(current_plan(settings, selection), as_json=as_json)
        return
    result = run_apply(
        settings,
        retry_failed=retry_failed,
        selection=selection,
        max_errors=max_errors,
        acknowledge=acknowledge or (),
        workers=workers,
        verbose=verbose,
    )
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
        f"{escaped(signed.name)} has signed off the plan {signed.plan_hash} with the mapping {signed.mapping_hash} "
        f"for the workspace {signed.workspace_id}, {signed.when}."
    )
    console.print(f"Next: {command('apply')} --execute")


@app.command()
@reports_errors
def status(*, watching: Watching = False, every: Every = 2.0, as_json: AsJson = False) -> None:
    """Show where the load stands, from the ledger alone; also while an apply is running elsewhere."""
    ledger = load_settings().ledger
    if not ledger.is_file():
        raise SettingsError(f"there is no ledger at {ledger} (LEDGER__PATH): nothing was loaded from here yet.")
    if watching:
        watch_status(lambda: read_status(ledger), seconds=every, as_json=as_json)
    else:
        show_status(read_status(ledger), as_json=as_json)


rollback = register_rollback(app, reports_errors)


@app.command()
@reports_errors
def decide(
    slot: Annotated[str, typer.Argument(help="Of what is left over as unknown; the status command lists it.")],
    *,
    found: Annotated[str | None, typer.Option(metavar="ID", help="It is in Intercom under this id.")] = None,
    absent: Annotated[bool, typer.Option("--absent", help="It is not in Intercom; the next apply sends it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say of a call that was never answered whether it took effect, when only a person can tell.

    The id is looked up in Intercom. A wrong decision is corrected by the same command.
    """
    if (found is None) != absent:
        raise typer.BadParameter("give either --found ID or --absent")
    settings = load_settings()
    decision = decide_about(settings, slot, found)
    if as_json:
        _print_json(decision.as_dict())
    noted = "Noted instead of what was said before." if decision.corrects else "Noted."
    talk().print(f"{noted} Next: {command('apply')} --execute")


def _selection(
    created_since: str | None,
    teams: Sequence[str] | None,
    states: Sequence[str] | None,
    conversations: Sequence[str] | None,
    limit: int | None,
) -> Selection:
    with _usage():
        return Selection(created_since, tuple(teams or ()), tuple(states or ()), tuple(conversations or ()), limit)


@contextmanager
def _usage() -> Iterator[None]:
    """Turn a value that cannot be meant into an error of the command line."""
    try:
        yield
    except (SelectionError, SettingsError) as error:
        raise typer.BadParameter(str(error)) from error


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
    settings: Settings,
    *,
    retry_failed: bool = False,
    selection: Selection | None = None,
    max_errors: int | None = None,
    acknowledge: Sequence[str] = (),
    workers: int | None = None,
    verbose: bool = False,
) -> Result:
    """Apply with progress on stderr, bars on a terminal, lines elsewhere; and with a log beside the ledger.

    All guards are asked first.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # their lines show addresses of requests
    console = painted(stderr=True)

    def leave(exit_code: int) -> None:
        console.show_cursor()  # the bars have hidden it, and nobody else will be asked
        os._exit(exit_code)

    with log.writing(settings.log_file, verbose=verbose):
        try:
            for remark in guards.demand(
                settings,
                acknowledge=acknowledge,
                retry_failed=retry_failed,
                make=lambda: current_plan(settings, selection),
            ):
                talk().print(f"[yellow]{escaped(remark)}[/]")
            with Display(console, lines=verbose) as display, _answering_ctrl_c(console):
                return apply_plan(
                    settings,
                    retry_failed=retry_failed,
                    selection=selection,
                    max_errors=max_errors,
                    acknowledge=acknowledge,
                    workers=workers,
                    on_plan=display.announce,
                    on_tick=display.tick,
                    leave=leave,
                )
        except Exception as error:
            if not isinstance(error, LoadError):
                log.event("bug", error=type(error).__name__, trace=log.trace_of(error))
            raise


@contextmanager
def _answering_ctrl_c(console: Console) -> Iterator[None]:
    """Say what the first Ctrl-C does, since finishing what is under way may take a while."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        console.print("Finishing what is under way. Ctrl-C again ends at once; either way nothing is lost.")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
        Console(highlight=False, emoji=False).print(table)
    _remark(plan, talk())


def _remark(plan: Plan, console: Console) -> None:
    if plan.chosen:
        console.print(escaped(plan.chosen.sentence))
    chosen = escaped(options(plan.chosen.selection.as_dict() if plan.chosen else None))
    due = "write is" if plan.total == 1 else "writes are"
    console.print(
        f"{counted(plan.rows, 'row')} in the plan, {plan.settled:,} are so already, {plan.total:,} {due} due."
        + (f" {counted(plan.implied, 'new conversation')} stay open: that needs no write." if plan.implied else "")
    )
    limits = (plan.requests_per_window,) if plan.requests_per_window else LIMITS
    if plan.total:
        times = " or ".join(f"{duration(plan.seconds(limit))} at {limit:,} per 10 s" for limit in limits)
        console.print(f"At the workspace's limit that takes at least {times}.")
    for listed, text in (
        (plan.changed, "changed after they were sent and cannot be changed in Intercom"),
        (plan.vanished, "are in Intercom and no longer in the plan; look at them"),
        (plan.held, f"wait for what was left over: see {command('status')}, then {_left_over(plan)}"),
    ):
        if listed.count:
            console.print(f"{listed.count:,} {text}: {', '.join(listed.first[:SHOWN])}")
    if plan.unresolved:
        console.print(
            f"Of an earlier run {counted(plan.unresolved, 'call')} without answer: the next apply looks them up first."
        )
    _remark_effects(plan, console)
    if plan.refusal:
        console.print(f"[yellow]An apply would be refused:[/] {escaped(plan.refusal)}")
    elif plan.total:
        missing = silence.acknowledging(one for one in plan.side_effects if not one.acknowledged)
        console.print(f"Next: {command('apply')} --execute{chosen} {missing}".rstrip())
    elif plan.held.count:
        console.print(f"Nothing else to send. Next: {command('status')}, then {_left_over(plan)}")
    else:
        console.print(f"Nothing to send. Next: {command('verify')}")


def _left_over(plan: Plan, more: Collection[str] = ()) -> str:
    reasons = {reason.removeprefix(AFTER) for reason in plan.held_why} | set(more)
    return escaped(after_left_over(reasons, options(plan.chosen.selection.as_dict() if plan.chosen else None)))


def _remark_effects(plan: Plan, console: Console) -> None:
    if plan.total and plan.not_silenceable:
        console.print(silence.within_reach(plan.not_silenceable))
    if plan.side_effects:
        console.print("Side effects that the API cannot switch off:")
    for one in plan.side_effects:
        known = ", acknowledged" if one.acknowledged else ""
        effect = one.effect
        console.print(
            f"  [bold]{effect.name}[/] ({counted(one.calls, 'call')}{known}): {effect.meaning}. To do: {effect.remedy}."
        )


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
            ("retried", result.figures["retries"]),
            ("x 429", result.figures["rate_limited"]),
        )
        if number
    )
    console.print(f"{done} in {duration(result.seconds)}{'; ' + apart if apart else ''}.")
    console.print(result.sentence)
    if result.published.message:
        console.print(
            f"The receipts are not in the warehouse yet: {escaped(result.published.message)} "
            "The next build fetches them."
        )
    if result.state != "finished":
        console.print(f"The run was {result.state}: {escaped(result.reason or '')}")
        chosen = escaped(options(result.plan.chosen.selection.as_dict() if result.plan.chosen else None))
        console.print(f"Next: {command('apply')} --execute{chosen}  (goes on from here)")
    elif result.exit_code == EXIT_LEFT_OVER:
        console.print(f"Next: {command('status')}, then {_left_over(result.plan, result.left_over)}")
    else:
        console.print(f"Next: {command('verify')}")


def show_status(status: Status, *, as_json: bool) -> None:
    """Print a status; data on stdout."""
    if as_json:
        _print_json(status.as_dict())
        return
    data().print(rendered(status))
    _say_next(status)


def watch_status(read: Callable[[], Status], *, seconds: float, as_json: bool) -> None:
    """Print a status again and again, until the run has ended or Ctrl-C is pressed, which ends the watching only."""
    try:
        status = watch(read, painted(), seconds=seconds, clock=SystemClock(), as_json=as_json)
    except KeyboardInterrupt:
        return
    if not as_json:
        _say_next(status)


def _say_next(status: Status) -> None:
    step = next_step(status)
    if step is not None:
        talk().print(f"Next: {escaped(step)}")


def _print_counts(title: str, counts: Mapping[str, int]) -> None:
    table = Table("kind", box=None, pad_edge=False)
    table.add_column(title, justify="right")
    for kind, number in sorted(counts.items()):
        table.add_row(kind, f"{number:,}")
    Console(highlight=False, emoji=False).print(table)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
