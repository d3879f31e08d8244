"""Does the time zone fit the rows? OTRS writes local times without an offset, but some rows hold an epoch as well.

`article_data_mime.incoming_time` (`article.incoming_time` up to OTRS 5) and `ticket.create_time_unix` (up to
OTRS 5) are true epochs, written in the same moment as the row's `create_time`: their difference is the offset
of the zone in which OTRS writes. Measured on real databases of Znuny 6.5: equal to the second in every row but
the one that the installation itself inserts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from extract.otrs.snapshot import Snapshot

SAMPLE = 5_000
"""About as many rows are looked at, spread over the whole table."""

TOLERANCE_SECONDS = 300
"""Between the two clocks of one row; the smallest step between zones is a quarter of an hour."""

AGREEMENT = 0.95
"""The share of rows that must fit: imported and back-dated rows do not."""

ENOUGH = 5
"""With fewer rows to look at, nothing is concluded."""

_EPOCHS = (
    ("article_data_mime", "incoming_time"),
    ("article", "incoming_time"),
    ("ticket", "create_time_unix"),
)


@dataclass(frozen=True)
class Checked:
    """How the rows bear a zone out.

    Attributes:
        agrees: False when too many rows contradict it.
        evidence: a sentence with the numbers.
    """

    agrees: bool
    evidence: str


@dataclass(frozen=True)
class _Moment:
    local: datetime
    epoch: int

    def fits(self, zone: ZoneInfo) -> bool:
        """Whether the local time is this instant in the zone; in the autumn hour either pass will do."""
        return any(
            abs(self.local.replace(tzinfo=zone, fold=fold).timestamp() - self.epoch) <= TOLERANCE_SECONDS
            for fold in (0, 1)
        )

    @property
    def offset(self) -> int:
        """Minutes east of UTC, to the quarter of an hour."""
        return round((self.local.replace(tzinfo=UTC).timestamp() - self.epoch) / 900) * 15


@cache
def known_zone(name: str) -> bool:
    """Whether it is an Olson name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, e.g. `Europe`
        return False
    return True


def check_time_zone(snapshot: Snapshot, zone: str) -> Checked:
    """Compare local times with the epochs beside them.

    Args:
        snapshot: the open snapshot.
        zone: Olson name.
    """
    moments = list(_moments(snapshot))
    if len(moments) < ENOUGH:
        return Checked(agrees=True, evidence=f"not checked, since only {len(moments)} rows hold an epoch")
    offending = [moment for moment in moments if not moment.fits(ZoneInfo(zone))]
    fitting = len(moments) - len(offending)
    if fitting >= AGREEMENT * len(moments):
        return Checked(agrees=True, evidence=f"{fitting:,} of {len(moments):,} rows with an epoch bear it out")
    worst = offending[len(offending) // 2]
    return Checked(
        agrees=False,
        evidence=(
            f"{len(offending):,} of {len(moments):,} rows with an epoch do not fit, such as one of "
            f"{worst.local:%Y-%m-%d %H:%M:%S}, which was {datetime.fromtimestamp(worst.epoch, UTC):%H:%M:%S} UTC."
        ),
    )


def suggested_zones(snapshot: Snapshot) -> str:
    """Say which zones fit the rows, as a sentence; an empty one when nothing can be said."""
    moments = list(_moments(snapshot))
    if len(moments) < ENOUGH:
        return ""
    seen = {(moment.local.year, moment.local.month, moment.offset): moment for moment in moments}.values()
    wanted = AGREEMENT * len(seen)
    zones = [
        name
        for name in sorted(available_timezones(), key=lambda name: (not name.startswith("Europe/"), name))
        if "/" in name and not name.startswith("Etc/") and sum(moment.fits(ZoneInfo(name)) for moment in seen) >= wanted
    ]
    if sum(moment.offset == 0 for moment in seen) >= wanted:
        zones.insert(0, "UTC")
    if not zones:
        return "No single zone fits the rows."
    more = f" and {len(zones) - 5} others" if len(zones) > 5 else ""  # noqa: PLR2004 - as many as a line holds
    return f"The rows fit {', '.join(zones[:5])}{more}."


def _moments(snapshot: Snapshot) -> Iterator[_Moment]:
    for table, epoch in _EPOCHS:
        if not {"create_time", epoch, "id"} <= {column.name for column in snapshot.tables.get(table, ())}:
            continue
        step = max(1, snapshot.count(table) // SAMPLE)
        name = snapshot.quoted(table)
        sql = f"select create_time, {epoch} from {name} where {epoch} > 0 and id % {step} = 0"
        for local, seconds in snapshot.rows(sql):
            moment = _moment(local, seconds)
            if moment:
                yield moment


def _moment(local: object, seconds: object) -> _Moment | None:
    """Return the pair, or None for what is no time: zero dates come as text."""
    if isinstance(local, str):
        try:
            local = datetime.fromisoformat(local)
        except ValueError:
            return None
    if not isinstance(local, datetime):
        return None
    return _Moment(local.replace(tzinfo=None), int(str(seconds)))
