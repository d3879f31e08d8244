"""How this package talks: what a command answers goes to stdout, everything else to stderr."""

import sys
from pathlib import Path

from rich.console import Console

from load.pace import Speed

MINUTE, HOUR, DAY = 60, 3600, 86_400


def talk() -> Console:
    """Return the console for everything that is not data."""
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def data() -> Console:
    """Return the console for what a command answers."""
    return Console(highlight=False, soft_wrap=True, emoji=False)


def painted(*, stderr: bool = False) -> Console:
    """Return a console for what is painted over and over: on a narrow terminal lines are folded, not cut off."""
    return Console(stderr=stderr, highlight=False, emoji=False)


def escaped(text: object) -> str:
    """Return a text that rich shows as it is."""
    return str(text).replace("[", r"\[")


def command(name: str) -> str:
    """Return a command as the user calls it."""
    program = Path(sys.argv[0])
    return f"{program.parent.name if program.stem == '__main__' else program.stem} {name}"


def counted(number: int, noun: str) -> str:
    """Return a number of things: 1 call, 2 calls."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return seconds for a person; days and hours lose what is below the next unit."""
    whole = round(seconds)
    if whole >= DAY:
        return f"{whole // DAY} d {whole % DAY // HOUR} h"
    if whole >= HOUR:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    if whole >= MINUTE:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"  # noqa: PLR2004 - no digit to spare


def words_of(speed: Speed, limit: int | None) -> list[str]:
    """Return a speed in words, most important first.

    Args:
        speed: of the last minute.
        limit: requests that the workspace allows per window; None when it has not said.
    """
    words = []
    if speed.seconds_left is not None and speed.seconds_left >= 1:
        words.append(f"{duration(speed.seconds_left)} left")
    if speed.per_second is not None:
        words.append(_rate(speed.per_second))
    if speed.budget is not None and limit is not None:
        words.append(f"{speed.budget:.0%} of the limit ({limit:,} per 10 s)")
    return words


def _rate(per_second: float) -> str:
    if not per_second:
        return "nothing done in the last minute"
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:,.1f}/s"  # noqa: PLR2004 - no digit to spare
