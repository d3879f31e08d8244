"""A status as a person reads it, once or again and again until the run has ended."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from load.clock import Clock
from load.letters import FAULTS, REFUSED, UNKNOWN
from load.rollback.endings import INCLUDE_CHANGED
from load.screen import command, duration, words_of
from load.selection import described, options
from load.status import LeftOver, RunStatus, Status

SHOWN_WATCHING = 5
"""Dead letters that fit on a screen beside the rest."""

LOOKING = 4
"""Pauses are so many times as long as a look takes."""

SHOWN_WAITING = 3
"""Of those that only wait for others."""


def watch(
    read: Callable[[], Status], console: Console, *, seconds: float, clock: Clock, as_json: bool = False
) -> Status:
    """Show a status again and again until no run is going on; returns the last one.

    Args:
        read: reads it.
        console: one that folds lines; a terminal is painted over, anything else gets one block after another.
        seconds: between two looks, at least.
        clock: where time comes from.
        as_json: one line of JSON each time.
    """
    took = 0.0

    def look() -> Status:
        # Of a large ledger a look takes a while; the run has the better use for the processor.
        nonlocal took
        clock.sleep(max(seconds, LOOKING * took))
        began = clock.monotonic()
        status = read()
        took = clock.monotonic() - began
        return status

    status = read()
    if as_json or not console.is_terminal:
        while True:
            if as_json:
                console.out(json.dumps(status.as_dict(), ensure_ascii=False), highlight=False)
            else:
                console.print(rendered(status), "", soft_wrap=True)
            if not _goes_on(status):
                return status
            status = look()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while _goes_on(status):
            live.update(rendered(status, shown=SHOWN_WATCHING), refresh=True)
            status = look()
    console.print(rendered(status), soft_wrap=True)
    return status


def _goes_on(status: Status) -> bool:
    return status.run is not None and status.run.state == "running"


def rendered(status: Status, *, shown: int | None = None) -> RenderableType:
    """Return a status for a person.

    Args:
        status: what was read.
        shown: dead letters at most.
    """
    if status.run is None:
        return Text("The ledger knows of no load.")
    parts: list[RenderableType] = [Text(_headline(status, status.run))]
    if status.run.selection:
        parts.append(Text(f"It is of a part of the plan: {described(status.run.selection)}."))
    if status.run.phases:
        parts += ["", _phases(status.run), ""]
    figures = _figures(status, status.run)
    if figures:
        parts.append(Text(figures))
    if status.unresolved:
        parts.append(Text(_unresolved(status.unresolved, status.run)))
    if status.run.kept:
        reasons = ", ".join(f"{number:,} {why}" for why, number in status.run.kept_why.items())
        parts.append(Text(f"Kept: {status.run.kept:,}, by their first reason: {reasons}."))
    counts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(status.settled.items()))
    if counts and status.run.state != "running":
        parts.append(Text(f"In Intercom, all runs together: {counts}."))
    return Group(*parts, *_left_over(status, shown))


def next_step(status: Status) -> str | None:
    """Return what to do next, None while there is nothing to do but wait."""
    if status.run is None:
        return command("plan")
    if status.run.state == "running":
        return None
    if status.run.is_rollback:
        return _after_rollback(status.run)
    chosen = options(status.run.selection)
    more = "".join(f" --acknowledge {name}" for name in status.unacknowledged)
    if set(status.left_over) & set(FAULTS):
        return f"{after_left_over(status.left_over, chosen + more)}, after what is said above"
    if status.run.state != "finished" or status.left_over:
        return f"{command('apply')} --execute{chosen}{more}"
    # What was left over then was decided or dropped since, and nothing has been sent after that.
    return f"{command('plan')}{chosen}" if status.run.figures.get("left_over") else command("verify")


def after_left_over(reasons: Collection[str], chosen: str) -> str:
    """Say how to go on with what was left over.

    Args:
        reasons: of all that was.
        chosen: options of the apply that it is of.
    """
    apply = f"{command('apply')} --execute"
    if UNKNOWN not in reasons:
        return f"{apply} --retry-failed{chosen}" if REFUSED in reasons else f"{apply}{chosen}"
    retry = " --retry-failed" if REFUSED in reasons else ""
    return f"{command('decide')} SLOT --found ID (or --absent), then {apply}{retry}{chosen}"


def _after_rollback(run: RunStatus) -> str:
    again = f"{command('rollback')} {run.choice}".rstrip()
    if run.state != "finished":
        return f"{again} --execute  (goes on from here)"
    if run.kept and INCLUDE_CHANGED in run.choice:
        return "look at what was kept, and why"
    if run.kept:
        return f"look at what was kept; {again} --execute --include-changed takes back what a person has changed, too"
    return f"{command('plan')}  (no build is needed)"


def _unresolved(number: int, run: RunStatus) -> str:
    calls = "1 call has" if number == 1 else f"{number:,} calls have"
    who = "the same rollback, or an apply, looks" if run.is_rollback else "the next apply looks"
    return f"{calls} no answer; {who} {'it' if number == 1 else 'them'} up first."


def _headline(status: Status, run: RunStatus) -> str:
    since = datetime.fromtimestamp(run.started_at, UTC)
    holder = f" ({run.process})" if run.process else ""
    reason = f": {run.reason}" if run.reason else "."
    what = "Rollback" if run.is_rollback else "Run"
    return (
        f"Workspace {status.workspace_id}. {what} {run.run_id} of {since:%Y-%m-%d %H:%M:%S} UTC is "
        f"{run.state}{holder}{reason}"
    )


def _phases(run: RunStatus) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("phase", no_wrap=True)
    for title in ("done", "of", "%", "" if run.is_rollback else "left over"):
        table.add_column(title, justify="right", no_wrap=title != "left over")
    rows = [(phase.name, phase.done, phase.announced, phase.left_over) for phase in run.phases]
    done, announced, left_over = (sum(numbers) for numbers in list(zip(*rows, strict=True))[1:])
    if len(rows) > 1:
        rows.append(("all", done, announced, left_over))
    for name, *numbers in rows:
        made, wanted, left = numbers
        # An adoption may need more calls than were announced; 99 and a half per cent are not all.
        share = f"{min(made * 100 // wanted, 100)} %" if wanted else ""
        table.add_row(name, f"{made:,}", f"{wanted:,}", share, f"{left:,}" if left else "")
    return table


def _figures(status: Status, run: RunStatus) -> str:
    words = words_of(run.speed, status.requests_per_window)
    if not words and run.seconds_left is not None:
        words = [f"{duration(run.seconds_left)} left"]
    for name, text in (("rate_limited", "x 429"), ("retries", "retried"), ("lost", "without a usable answer")):
        if run.figures.get(name):
            words.append(f"{run.figures[name]:,} {text}")
    if run.seconds:
        words.append(f"{duration(run.seconds)} so far" if run.state == "running" else f"took {duration(run.seconds)}")
    return ", ".join(words)


def _left_over(status: Status, shown: int | None) -> list[RenderableType]:
    if not status.left_over:
        return []
    counts = ", ".join(f"{number:,} {reason}" for reason, number in sorted(status.left_over.items()))
    if status.run is not None and status.run.is_rollback:
        return [Text(f"Loads before it have left over: {counts}. The next plan says what comes of them.")]
    letters = _worth_showing(status.first)[:shown]
    parts: list[RenderableType] = [Text(f"Left over: {counts}.")]
    for way_out in dict.fromkeys(letter.way_out for letter in letters):
        parts.append(Text(f"  What to do: {way_out}."))
        parts += [Text(f"    {_line(letter)}") for letter in letters if letter.way_out == way_out]
    more = sum(status.left_over.values()) - len(letters)
    if more:
        parts.append(Text(f"  and {more:,} more: table dead_letters of the ledger"))
    return parts


def _worth_showing(letters: Sequence[LeftOver]) -> list[LeftOver]:
    """Of those that only wait for others a few: nothing is to be done about them."""
    waiting = [letter for letter in letters if letter.reason == "depends"]
    return [letter for letter in letters if letter.reason != "depends"] + waiting[:SHOWN_WAITING]


def _line(letter: LeftOver) -> str:
    request = f" (request {letter.request_id})" if letter.request_id else ""
    return f"{letter.slot}: {letter.reason}: {letter.message}{request}"
