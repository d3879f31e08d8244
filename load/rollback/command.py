"""The command that takes a load back. Talk goes to stderr, data to stdout; without --execute nothing is written."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from load import log, warehouse
from load.clock import Clock, SystemClock
from load.errors import GateError, NotInLedgerError
from load.ledger import Ledger
from load.plan import LIMITS
from load.rollback.owned import CONVERSATION, Selection
from load.rollback.report import Outlook, RollbackResult, Tick
from load.rollback.run import WORKERS, outlook
from load.rollback.run import rollback as take_back
from load.screen import command as program
from load.screen import duration, talk
from load.settings import Settings, load_settings
from load.status import phase_names as names_in

LINE_SECONDS = 10.0
"""Between two lines of progress where there is no terminal."""

SHOWN = 20
"""Kept records that are printed; --json has all."""

WORDS = {
    "take": "deleted",
    "restore": "gets its former values back, where the load changed them",
    "unset": "taken off again",
    "leave": "left alone: it was there before, or needed no call",
    "with": "goes with its conversation or contact",
    "cannot": "cannot be taken back alone: only with the whole conversation",
}
ARCHIVED = {"conversation_attribute.create", "data_attribute.create", "company.upsert"}

Guard = Callable[[Callable[..., None]], Callable[..., None]]


def register(app: typer.Typer, guard: Guard) -> Callable[..., None]:
    """Add the command to a program; returns it, to be added to others.

    Args:
        app: the program.
        guard: turns this package's errors into a sentence and an exit code.
    """
    command = guard(rollback)
    app.command("rollback")(command)
    return command


def rollback(
    *,
    everything: Annotated[bool, typer.Option("--everything", help="All that the ledger holds.")] = False,
    run: Annotated[str | None, typer.Option(help="What this run made; `status` names the last one.")] = None,
    phase: Annotated[str | None, typer.Option(help="What is of this phase: its number or its name.")] = None,
    conversation: Annotated[str | None, typer.Option(help="One conversation, by its key or number.")] = None,
    include_changed: Annotated[
        bool, typer.Option("--include-changed", help="Also what a person has changed since.")
    ] = False,
    retain_metrics: Annotated[
        bool, typer.Option(help="Leave deleted conversations in Intercom's reports, as its API does by default.")
    ] = True,
    execute: Annotated[
        bool, typer.Option("--execute", help="Write to Intercom. Without it is printed what would be done.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Conversations at a time.")] = WORKERS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Take back what was loaded, and only that. Can be stopped and repeated at any time."""
    settings = load_settings()
    if not (everything or run or phase or conversation):
        raise typer.BadParameter("say what: --everything, --run ID, --phase N or --conversation KEY")
    chosen = Selection(everything, run, phase_number(settings, phase), conversation_key(settings, conversation))
    if not execute:
        show_outlook(outlook(settings, chosen), phase_names(settings), as_json=as_json)
        return
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # their lines show addresses of requests
    with log.writing(settings.log_file), _Display(talk(), phase_names(settings)) as display:
        result = take_back(
            settings,
            chosen,
            include_changed=include_changed,
            retain_metrics=retain_metrics,
            workers=workers,
            on_plan=display.announce,
            on_tick=display.tick,
        )
    show_result(result, as_json=as_json)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def phase_names(settings: Settings) -> dict[str, str]:
    """Names of phases by number, as the loads have announced them; none without a ledger."""
    return names_in(settings.ledger) if settings.ledger.is_file() else {}


def phase_number(settings: Settings, phase: str | None) -> int | None:
    """The number of a phase that is given by number or name.

    Raises:
        NotInLedgerError: no phase has this name.
    """
    if phase is None or phase.isdecimal():
        return None if phase is None else int(phase)
    try:
        with warehouse.reading(settings.warehouse, SystemClock()) as db:
            names = warehouse.phase_names(db)
    except GateError as error:
        raise NotInLedgerError(f"without a warehouse phases have no names: give the number of {phase}.") from error
    for number, name in names.items():
        if name.casefold() == phase.casefold():
            return number
    known = ", ".join(f"{number} {name}" for number, name in sorted(names.items()))
    raise NotInLedgerError(f"there is no phase {phase}. There are: {known}.")


def conversation_key(settings: Settings, given: str | None) -> str | None:
    """The key of a conversation that is given by key or by the number that customers know.

    Raises:
        NotInLedgerError: the ledger holds no such conversation, or several of this number.
    """
    if given is None or not settings.ledger.is_file():
        return given
    with Ledger(settings.ledger) as ledger:
        if ledger.object_id(CONVERSATION + given.removeprefix(CONVERSATION)):
            return given
        try:
            with warehouse.reading(settings.warehouse, SystemClock()) as db:
                keys = warehouse.keys_of_number(db, given)
        except GateError:
            keys = []
        loaded = [key for key in keys if ledger.object_id(CONVERSATION + key)]
    if len(loaded) > 1:
        raise NotInLedgerError(
            f"{given} is the number of several conversations, each of which continues the one before it: "
            f"{', '.join(loaded)}. Give one key after the other, the last first."
        )
    if not loaded and not keys:
        raise NotInLedgerError(
            f"there is no conversation {given}, neither by key in the ledger nor by number in the warehouse. The table "
            "intercom.selectable_conversations has both."
        )
    return (loaded or keys)[0]


def show_outlook(what: Outlook, names: Mapping[str, str], *, as_json: bool) -> None:
    """Print what a rollback would do; data on stdout."""
    if as_json:
        _print_json(what.as_dict())
    else:
        table = Table("phase", "kind", box=None, pad_edge=False)
        table.add_column("slots", justify="right")
        table.add_column("what happens", overflow="fold")
        for count in what.counts:
            archived = count.action == "take" and count.kind in ARCHIVED
            words = "archived" if archived else WORDS[count.action]
            table.add_row(names.get(str(count.phase), str(count.phase)), count.kind, f"{count.number:,}", words)
        Console(highlight=False, emoji=False).print(table)
    console = talk()
    limits = [what.requests_per_window] if what.requests_per_window else list(LIMITS)
    times = ", ".join(f"{duration(what.seconds(limit))} at {limit:,} requests per 10 s" for limit in limits)
    console.print(
        f"{_calls(what.writes, 'takes', 'take')} it back, about {what.reads:,} look first and prove it afterwards: "
        f"{times}."
    )
    if what.unresolved:
        calls = (
            "1 call has no answer; it is"
            if what.unresolved == 1
            else f"{what.unresolved:,} calls have no answer; they are"
        )
        console.print(f"{calls} settled first.")
    console.print("What a person has changed since is kept and listed, unless --include-changed.")
    console.print("Nothing was written. The same command with --execute does it.")


def show_result(result: RollbackResult, *, as_json: bool) -> None:
    """Print what a rollback did; data on stdout."""
    if as_json:
        _print_json(result.as_dict())
    else:
        table = Table("kind", box=None, pad_edge=False)
        counts: tuple[tuple[str, Mapping[str, int]], ...] = (
            ("taken back", result.written),
            ("proved", result.proved),
            ("gone already", result.gone),
            ("needed nothing", result.left),
        )
        for title, _ in counts:
            table.add_column(title, justify="right")
        for kind in sorted({kind for _, numbers in counts for kind in numbers}):
            table.add_row(kind, *(f"{numbers.get(kind, 0):,}" for _, numbers in counts))
        Console(highlight=False, emoji=False).print(table)
    console = talk()
    for title, some in (("Kept", result.kept), ("Still there", result.still_there)):
        for one in some[:SHOWN]:
            request = f" (request {one.request_id})" if one.request_id else ""
            console.print(f"{title}: {escape(one.slot)} ({one.intercom_id}): {escape(one.why)}{request}")
        if len(some) > SHOWN:
            console.print(f"… and {len(some) - SHOWN:,} more; --json lists all.")
    console.print(escape(result.sentence))
    if result.published.message:
        console.print(
            f"The receipts are not in the warehouse yet: {escape(result.published.message)} The next build fetches "
            "them."
        )
    if result.state != "finished":
        console.print("Next: the same command; it goes on from here.")
        return
    if result.kept:
        console.print("Look at what was kept; with --include-changed what a person has changed is taken back, too.")
    console.print(f"Next: nothing, or {program('plan')} and a new load; no build is needed.")


class _Display:
    """Progress: a bar on a terminal, lines elsewhere."""

    def __init__(self, console: Console, names: Mapping[str, str], *, clock: Clock | None = None) -> None:
        self._console = console
        self._clock = clock or SystemClock()
        self._names = names
        self._next_line = 0.0
        self._last: Tick | None = None
        self._said: Tick | None = None
        self._task: TaskID | None = None
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._say_last()

    def announce(self, what: Outlook) -> None:
        """Say what is going to be done."""
        self._console.print(f"{_calls(what.writes, 'is', 'are')} to be made at most, and about {what.reads:,} to look.")

    def tick(self, tick: Tick) -> None:
        """Show where the run stands."""
        if self._last is not None and tick.phase != self._last.phase:
            self._say_last()
        self._last = tick
        name = self._name(tick)
        if self._task is None:
            self._task = self._progress.add_task(name, total=tick.total)
        self._progress.update(self._task, description=name, completed=tick.done, total=tick.total)
        if self._clock.monotonic() >= self._next_line:
            self._say(tick)

    def _say_last(self) -> None:
        """Let the last line of a phase be the one that has all of it."""
        if self._last is not None and self._last != self._said:
            self._say(self._last)

    def _say(self, tick: Tick) -> None:
        if self._console.is_terminal:
            return
        self._said = tick
        self._next_line = self._clock.monotonic() + LINE_SECONDS
        kept = f", {tick.kept:,} kept" if tick.kept else ""
        self._console.print(f"{escape(self._name(tick))}: {tick.done:,} of {tick.total:,}{kept}")

    def _name(self, tick: Tick) -> str:
        number = str(tick.phase)
        return self._names.get(number, f"phase {number}") if tick.phase else "proving"


def _calls(number: int, one: str, several: str) -> str:
    return f"1 call {one}" if number == 1 else f"{number:,} calls {several}"


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
