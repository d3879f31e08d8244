"""Version and time zone are read from the database, with the evidence, or asked for."""

import sqlite3
from contextlib import closing
from datetime import datetime

import pytest
import sqlalchemy as sa

from extract.errors import SettingsError, SourceError
from extract.otrs.profile import detect
from extract.otrs.snapshot import Snapshot, SourceColumn

OTRS_4 = {"ticket", "article", "queue"}
OTRS_6 = OTRS_4 | {"scheduler_recurrent_task", "article_data_mime", "groups"}
ZNUNY_6_1 = OTRS_6 - {"groups"} | {"permission_groups"}
ZNUNY_6_2 = ZNUNY_6_1 | {"acl_ticket_attribute_relations"}
ZNUNY_6_3 = ZNUNY_6_2 | {"oauth2_token"}
ZNUNY_6_5 = ZNUNY_6_3 | {"mention"}
OTOBO_10 = OTRS_6 - {"groups"} | {"groups_table"}


def snapshot(
    tables: set[str], columns: dict[str, list[str]] | None = None, rows: sqlite3.Connection | None = None
) -> Snapshot:
    """A database of which only the names are known, and perhaps some rows."""
    described = {
        name: tuple(SourceColumn(column, sa.Text()) for column in (columns or {}).get(name, ["id"])) for name in tables
    }
    return Snapshot("sqlite", "3", datetime.fromisoformat("2026-01-01"), described, rows)


@pytest.mark.parametrize(
    ("tables", "product", "version", "telling"),
    [
        (OTRS_4, "OTRS", "3.1 to 3.2", "no acl"),
        (OTRS_4 | {"acl"}, "OTRS", "3.3", "acl exists"),
        (OTRS_4 | {"acl", "system_maintenance"}, "OTRS", "4", "system_maintenance exists"),
        (OTRS_4 | {"scheduler_recurrent_task"}, "OTRS", "5", "no article_data_mime"),
        (OTRS_6, "OTRS", "6.0", "article_data_mime"),
        (OTRS_6 | {"pm_sequence_flow", "mention"}, "OTRS", "7 or later", "pm_sequence_flow"),
        (ZNUNY_6_1, "Znuny", "6.1", "permission_groups"),
        (ZNUNY_6_2, "Znuny", "6.2", "acl_ticket_attribute_relations"),
        (ZNUNY_6_3, "Znuny", "6.3", "oauth2_token"),
        (ZNUNY_6_5, "Znuny", "6.4 or 6.5", "mention"),
        (OTOBO_10, "OTOBO", "10.0", "groups_table"),
        (OTOBO_10 | {"data_storage"}, "OTOBO", "10.1", "data_storage"),
        (OTOBO_10 | {"translation_item"}, "OTOBO", "11", "translation_item"),
    ],
)
def test_product_and_version_are_told_by_the_tables(tables: set[str], product: str, version: str, telling: str) -> None:
    profile = detect(snapshot(tables), "UTC")
    assert (profile.product, profile.version) == (product, version)
    assert telling in profile.evidence


def test_znuny_7_is_told_by_the_colour_of_its_priorities() -> None:
    tables = ZNUNY_6_5 | {"ticket_priority"}
    assert detect(snapshot(tables, {"ticket_priority": ["id", "name", "color"]}), "UTC").version == "7"
    assert detect(snapshot(tables, {"ticket_priority": ["id", "name"]}), "UTC").version == "6.4 or 6.5"


@pytest.mark.parametrize(("file", "product"), [("Znuny.xml", "Znuny"), ("Framework.xml", "OTRS")])
def test_znuny_6_0_is_told_by_its_settings_file(file: str, product: str) -> None:
    with closing(sqlite3.connect(":memory:")) as rows:
        rows.execute("create table sysconfig_default (name, xml_filename, effective_value)")
        rows.execute("insert into sysconfig_default values ('Product', ?, 'x')", [file])
        profile = detect(snapshot(OTRS_6 | {"sysconfig_default"}, rows=rows), "UTC")
    assert (profile.product, profile.version) == (product, "6.0")
    assert (file in profile.evidence) is (product == "Znuny")


def test_a_left_over_of_an_older_version_does_not_hide_the_newer_one() -> None:
    assert detect(snapshot(ZNUNY_6_5 | {"groups"}), "UTC").version == "6.4 or 6.5"


@pytest.mark.parametrize("missing", sorted(OTRS_4))
def test_another_application_s_database_is_named_as_such(missing: str) -> None:
    with pytest.raises(SourceError, match=f"no table {missing}: it is not a database of OTRS") as error:
        detect(snapshot(OTRS_6 - {missing}), "UTC")
    assert error.value.exit_code == 6
    assert "OTRS__CREDENTIALS" in str(error.value)


def configured(
    *, default: str | bytes | None, modified: tuple[str, int, int | None] | None = None
) -> sqlite3.Connection:
    rows = sqlite3.connect(":memory:")
    rows.execute("create table sysconfig_default (name, xml_filename, effective_value)")
    rows.execute("create table sysconfig_modified (name, effective_value, is_valid, user_id)")
    rows.execute("insert into sysconfig_default values ('OTRSTimeZone', 'Framework.xml', ?)", [default])
    if modified:
        rows.execute("insert into sysconfig_modified values ('OTRSTimeZone', ?, ?, ?)", modified)
    return rows


WITH_SETTINGS = OTRS_6 | {"sysconfig_default", "sysconfig_modified"}
BERLIN = "--- Europe/Berlin\n"


@pytest.mark.parametrize(
    ("setting", "default", "modified", "zone", "evidence"),
    [
        ("Asia/Tokyo", "--- UTC\n", (BERLIN, 1, None), "Asia/Tokyo", "OTRS__TIMEZONE"),
        (None, "--- UTC\n", (BERLIN, 1, None), "Europe/Berlin", "OTRSTimeZone in sysconfig_modified"),
        (None, "--- UTC\n", (BERLIN, 0, None), "UTC", "OTRSTimeZone in sysconfig_default"),
        (None, "--- UTC\n", (BERLIN, 1, 17), "UTC", "OTRSTimeZone in sysconfig_default"),
        (None, "--- UTC\n", None, "UTC", "OTRSTimeZone in sysconfig_default"),
        (None, b"--- 'America/New_York'\n", None, "America/New_York", "OTRSTimeZone in sysconfig_default"),
        (None, "UTC", None, "UTC", "OTRSTimeZone in sysconfig_default"),
    ],
)
def test_the_setting_wins_over_what_was_modified_over_the_default(
    setting: str | None, default: str | bytes, modified: tuple[str, int, int | None] | None, zone: str, evidence: str
) -> None:
    with closing(configured(default=default, modified=modified)) as rows:
        profile = detect(snapshot(WITH_SETTINGS, rows=rows), setting)
    assert profile.time_zone == zone
    assert profile.time_zone_evidence == f"{evidence}; not checked, since only 0 rows hold an epoch"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "/etc/passwd", "../UTC", "W. Europe Standard Time", "a\0b"])
def test_a_zone_that_does_not_exist_is_refused_with_the_place_it_stands_in(zone: str) -> None:
    with pytest.raises(SettingsError, match="OTRS__TIMEZONE names the time zone") as error:
        detect(snapshot(OTRS_6), zone)
    assert error.value.exit_code == 3


@pytest.mark.parametrize("value", ["--- Mars\n", "--- [a, b]\n", "\t- : not yaml: [", "--- ''\n"])
def test_a_setting_in_the_database_that_is_no_zone_is_refused_with_the_place_it_stands_in(value: str) -> None:
    with (
        closing(configured(default=value)) as rows,
        pytest.raises(SettingsError, match="OTRSTimeZone in sysconfig_default names the time zone"),
    ):
        detect(snapshot(WITH_SETTINGS, rows=rows), None)


@pytest.mark.parametrize("default", [None, ""])
def test_without_a_zone_anywhere_the_setting_is_asked_for(default: str | None) -> None:
    with (
        closing(configured(default=default)) as rows,
        pytest.raises(SettingsError, match="Set OTRS__TIMEZONE to the server's zone"),
    ):
        detect(snapshot(WITH_SETTINGS, rows=rows), None)


def test_an_old_version_keeps_its_zone_in_files_so_the_setting_is_asked_for() -> None:
    with pytest.raises(SettingsError, match="OTRS__TIMEZONE"):
        detect(snapshot(OTRS_4), None)


def test_otrs_3_0_whose_free_fields_would_be_lost_is_refused() -> None:
    with pytest.raises(SourceError, match=r"OTRS 3\.0 or older"):
        detect(snapshot(OTRS_4, {"ticket": ["id", "freetext1"]}), "UTC")


def packages(*contents: str, status: str = "installed") -> sqlite3.Connection:
    rows = sqlite3.connect(":memory:")
    rows.execute("create table package_repository (name, content, install_status)")
    rows.executemany("insert into package_repository values ('p', ?, ?)", [(text, status) for text in contents])
    return rows


@pytest.mark.parametrize(
    ("contents", "version"),
    [
        (["<Framework Minimum='6.5.1'>6.5.x</Framework>"], "6.5"),
        (["<Framework>6.4.x</Framework>", "<Framework>6.4.x</Framework>"], "6.4"),
        (["<Framework>6.4.x</Framework><Framework>6.5.x</Framework>"], "6.4 or 6.5"),
        (["<Framework>6.0.x</Framework>"], "6.4 or 6.5"),
        ([], "6.4 or 6.5"),
    ],
)
def test_packages_narrow_the_version_when_they_name_one_framework(contents: list[str], version: str) -> None:
    columns = {"package_repository": ["name", "content", "install_status"]}
    with closing(packages(*contents)) as rows:
        profile = detect(snapshot(ZNUNY_6_5 | {"package_repository"}, columns, rows), "UTC")
    assert profile.version == version
    assert ("packages are for framework" in profile.evidence) is bool(contents)


def test_a_package_that_is_not_installed_says_nothing() -> None:
    columns = {"package_repository": ["name", "content", "install_status"]}
    with closing(packages("<Framework>6.5.x</Framework>", status="not installed")) as rows:
        assert detect(snapshot(ZNUNY_6_5 | {"package_repository"}, columns, rows), "UTC").version == "6.4 or 6.5"
