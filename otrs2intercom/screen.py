"""Talk to a person: bars on a terminal, lines elsewhere, all of it on stderr; data alone goes to stdout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_SECONDS = 10.0
"""Between two lines of progress where there is no terminal."""


def talk() -> Console:
    """Return the console for everything that is not data."""
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def data() -> Console:
    """Return the console for what a command answers."""
    return Console(highlight=False, emoji=False)


class Meter:
    """One bar, or a line now and then where there is no terminal.

    Args:
        console: where it goes.
        title: what is being done.
        unit: what is counted.
    """

    def __init__(self, console: Console, title: str, unit: str) -> None:
        self._console = console
        self._title = title
        self._unit = unit
        self._next_line = time.monotonic() + LINE_SECONDS
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<28}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: int, total: int, title: str | None = None) -> None:
        """Show where the work stands."""
        title = title or self._title
        if self._task is None:
            self._task = self._progress.add_task(title, total=total, unit=self._unit)
        self._progress.update(self._task, completed=done, total=max(total, done), description=title)
        if not self._console.is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            self._console.print(f"{title}: {done:,} of {total:,} {self._unit}")


@contextmanager
def working(console: Console, title: str) -> Iterator[None]:
    """Show that something without a measure is under way."""
    if console.is_terminal:
        with console.status(title):
            yield
    else:
        yield


def size(number: float) -> str:
    """Return bytes for a person."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:  # noqa: PLR2004 - the step between units
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"
