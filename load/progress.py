"""What an operator sees while a run goes on: bars on a terminal, a line now and then elsewhere.

Everything is said on stderr. A line appears every ten seconds, whether or not something was done: silence is
no answer at two in the morning.
"""

from datetime import UTC, datetime
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.spinner import Spinner
from rich.text import Text

from load.clock import Clock, SystemClock
from load.engine import Tick
from load.plan import Plan
from load.screen import counted, words_of

LINE_SECONDS = 10.0
"""Between two lines where there is no terminal."""


class Display:
    """Progress of an apply. To be used as a context manager.

    Args:
        console: where it goes; one that folds lines.
        clock: where time comes from.
        lines: lines instead of bars, e.g. because something else writes to the terminal, too.
    """

    def __init__(self, console: Console, *, clock: Clock | None = None, lines: bool = False) -> None:
        self._console = console
        self._clock = clock or SystemClock()
        self._lines = lines or not console.is_terminal
        self._next_line = 0.0
        self._ended: set[int] = set()
        self._last: Tick | None = None
        self._tasks: dict[int, TaskID] = {}
        self._all: TaskID | None = None
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            console=console,
            expand=True,
        )
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=4, transient=False, auto_refresh=True
        )

    def __enter__(self) -> Self:
        if not self._lines:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._lines:
            self._live.stop()

    def announce(self, plan: Plan) -> None:
        """Say what is going to be sent."""
        if plan.chosen:
            self._console.print(plan.chosen.sentence, soft_wrap=True, markup=False)
        due = "write is" if plan.total == 1 else "writes are"
        self._console.print(f"{plan.total:,} {due} due in {counted(len(plan.phases), 'phase')}.", soft_wrap=True)
        for phase in plan.phases:
            self._tasks[phase.phase] = self._bars.add_task(phase.name, total=phase.total)
        if len(plan.phases) > 1:
            self._all = self._bars.add_task("all", total=plan.total)

    def tick(self, tick: Tick) -> None:
        """Show where the run stands."""
        self._last = tick
        if tick.phase in self._tasks:
            self._bars.update(self._tasks[tick.phase], completed=tick.done)
        if self._all is not None:
            self._bars.update(self._all, completed=tick.done_in_all)
        now = self._clock.monotonic()
        if self._lines and (now >= self._next_line or (tick.done >= tick.total and tick.phase not in self._ended)):
            self._next_line = now + LINE_SECONDS
            if tick.done >= tick.total:
                self._ended.add(tick.phase)
            at = datetime.fromtimestamp(self._clock.time(), UTC)
            line = f"{at:%H:%M:%S} {tick.name}: {tick.done:,} of {tick.total:,}{_rest(tick)}"
            self._console.print(line, soft_wrap=True)

    def _render(self) -> RenderableType:
        if not self._tasks:
            return Spinner("dots", "looking up what an earlier run left open, and planning")
        figures = ", ".join(_figures(self._last)) if self._last else ""
        return Group(self._bars, Text(figures, overflow="fold"))


def _rest(tick: Tick) -> str:
    return "".join(f", {figure}" for figure in _figures(tick))


def _figures(tick: Tick) -> list[str]:
    return [
        *words_of(tick.speed, tick.limit),
        *(
            f"{number:,} {name}"
            for name, number in (
                ("left over", tick.dead),
                ("x 429", tick.figures.get("rate_limited", 0)),
                ("retried", tick.figures.get("retries", 0)),
            )
            if number
        ),
    ]
