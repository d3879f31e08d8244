"""Rows that hold an epoch beside a local time bear the time zone out, or contradict it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from extract.errors import SettingsError
from extract.otrs.profile import detect
from extract.otrs.snapshot import Snapshot, SourceColumn
from extract.otrs.time_zone import check_time_zone, suggested_zones

BERLIN = "Europe/Berlin"
MIME = "article_data_mime"


def every_week(zone: str, *, weeks: int = 60) -> Iterator[tuple[str, int]]:
    """Local time and epoch, in summer and in winter."""
    for week in range(weeks):
        instant = datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=7 * week)
        yield f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}", int(instant.timestamp())


def database(rows: list[tuple[str | None, int]], table: str = MIME, epoch: str = "incoming_time") -> Snapshot:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"create table {table} (id integer primary key, create_time text, {epoch} integer)")
    connection.executemany(f"insert into {table} (create_time, {epoch}) values (?, ?)", rows)
    columns = tuple(SourceColumn(name, sa.Text()) for name in ("id", "create_time", epoch))
    described = {name: (SourceColumn("id", sa.Text()),) for name in ("ticket", "article", "queue")}
    if table == MIME:
        described["scheduler_recurrent_task"] = (SourceColumn("id", sa.Text()),)
    return Snapshot("sqlite", "3", datetime.fromisoformat("2026-01-01"), described | {table: columns}, connection)


@pytest.mark.parametrize(
    ("table", "epoch"), [(MIME, "incoming_time"), ("article", "incoming_time"), ("ticket", "create_time_unix")]
)
def test_a_zone_that_fits_is_borne_out_with_the_numbers(table: str, epoch: str) -> None:
    checked = check_time_zone(database(list(every_week(BERLIN)), table, epoch), BERLIN)
    assert checked.agrees
    assert checked.evidence == "60 of 60 rows with an epoch bear it out"


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Africa/Lagos", "America/New_York"])
def test_a_zone_that_does_not_fit_is_contradicted_with_a_row(zone: str) -> None:
    checked = check_time_zone(database(list(every_week(BERLIN))), zone)
    assert not checked.agrees
    assert "rows with an epoch do not fit, such as one of 2025-" in checked.evidence


def test_both_passes_of_the_autumn_hour_fit() -> None:
    both = [("2025-10-26 02:30:00", 1761438600), ("2025-10-26 02:30:00", 1761442200)] * 5
    assert check_time_zone(database(both), BERLIN).agrees
    assert not check_time_zone(database(both), "UTC").agrees


def test_a_few_rows_that_were_back_dated_or_inserted_by_the_installation_do_no_harm() -> None:
    rows = [*every_week(BERLIN, weeks=97), ("2020-01-01 00:00:00", 1761438600), ("0000-00-00 00:00:00", 1), (None, 5)]
    checked = check_time_zone(database(rows), BERLIN)
    assert checked.agrees
    assert checked.evidence == "97 of 98 rows with an epoch bear it out"


def test_a_zone_that_was_changed_half_way_contradicts_both() -> None:
    rows = [*every_week("UTC"), *every_week(BERLIN)]
    assert not check_time_zone(database(rows), "UTC").agrees
    assert not check_time_zone(database(rows), BERLIN).agrees
    assert suggested_zones(database(rows)) == "No single zone fits the rows."


def test_with_hardly_any_rows_nothing_is_concluded() -> None:
    checked = check_time_zone(database(list(every_week(BERLIN, weeks=4))), "UTC")
    assert checked.agrees
    assert checked.evidence == "not checked, since only 4 rows hold an epoch"


def test_rows_are_looked_at_all_over_a_large_table() -> None:
    rows = [row for row in every_week("UTC") for _ in range(250)]
    checked = check_time_zone(database(rows), "UTC")
    assert checked.evidence == "5,000 of 5,000 rows with an epoch bear it out"


@pytest.mark.parametrize(("zone", "named"), [(BERLIN, BERLIN), ("UTC", "UTC"), ("Asia/Kolkata", "Asia/Kolkata")])
def test_zones_that_fit_are_suggested(zone: str, named: str) -> None:
    assert named in suggested_zones(database(list(every_week(zone))))


def test_a_contradiction_stops_and_says_what_to_do() -> None:
    with pytest.raises(SettingsError) as error:
        detect(database(list(every_week(BERLIN))), "UTC")
    assert error.value.exit_code == 3
    for part in ("OTRS__TIMEZONE says UTC", "contradict", BERLIN, "OTRS__TRUST_TIMEZONE=true"):
        assert part in str(error.value)


def test_a_person_who_knows_better_goes_on() -> None:
    source = database(list(every_week(BERLIN)))
    profile = detect(source, "UTC", trust_time_zone=True)
    assert profile.time_zone == "UTC"
    assert "do not fit" in profile.time_zone_evidence


def test_where_no_zone_is_set_the_rows_suggest_some() -> None:
    with closing(database(list(every_week(BERLIN))).connection) as _, pytest.raises(SettingsError, match=BERLIN):
        detect(database(list(every_week(BERLIN))), None)
