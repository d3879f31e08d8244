"""The time inside the sample, which has nothing to do with the clock on the wall."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

DAY: Final = 86400

START: Final = 1704096000
"""2024-01-01 08:00:00 UTC: the day of the installation."""

REFERENCE: Final = 1793491200
"""2026-11-01 00:00:00 UTC, "now": no row is younger, so every run writes the same."""


@lru_cache(maxsize=4096)
def stamp(seconds: int) -> str:
    """Write Unix seconds as OTRS with OTRSTimeZone UTC writes its DATETIME columns."""
    day, rest = divmod(seconds, DAY)
    minutes, second = divmod(rest, 60)
    return f"{_date(day)} {minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


def audit(at: int = START, by: int = 1) -> tuple[str, int, str, int]:
    """Return the last four columns of most tables: created and changed, when and by whom."""
    return (stamp(at), by, stamp(at), by)


@lru_cache(maxsize=2048)
def _date(day: int) -> str:
    return datetime.fromtimestamp(DAY * day, UTC).strftime("%Y-%m-%d")
