"""The source's settings are looked up under their full names, and never show a password."""

from pathlib import Path

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from extract.errors import SettingsError
from extract.otrs import extract_otrs
from extract.otrs.settings import OtrsSettings, otrs_settings
from extract.otrs.snapshot import open_snapshot

PASSWORD = "pass-word-1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with dlt's settings read anew."""
    monkeypatch.chdir(tmp_path)
    Container()[PluggableRunContext].reload(str(tmp_path))
    return tmp_path


def test_settings_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.is_dir()
    monkeypatch.setenv("OTRS__CREDENTIALS", "sqlite:///x")
    monkeypatch.setenv("OTRS__ARTICLE_DIR", "/srv/article")
    monkeypatch.setenv("OTRS__TIMEZONE", "Europe/Berlin")
    assert otrs_settings() == OtrsSettings("sqlite:///x", "/srv/article", "Europe/Berlin")


def test_names_that_anybody_could_have_set_are_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.is_dir()
    for name in ("CREDENTIALS", "TIMEZONE", "ARTICLE_DIR"):
        monkeypatch.setenv(name, "somebody's")
    with pytest.raises(SettingsError, match="OTRS__CREDENTIALS is not set"):
        otrs_settings()
    monkeypatch.setenv("OTRS__CREDENTIALS", "sqlite:///x")
    assert otrs_settings() == OtrsSettings("sqlite:///x", None, None)


def test_settings_come_from_the_files_of_the_folder(folder: Path) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "secrets.toml").write_text('[otrs]\ncredentials = "sqlite:///secret"\n')
    (folder / ".dlt" / "config.toml").write_text('[otrs]\ntimezone = "Asia/Tokyo"\n')
    Container()[PluggableRunContext].reload(str(folder))
    assert otrs_settings() == OtrsSettings("sqlite:///secret", None, "Asia/Tokyo")
    assert dlt.config.get("otrs.article_dir") is None


def test_no_credentials_are_an_error_that_shows_how_to_set_them(folder: Path) -> None:
    assert folder.is_dir()
    with pytest.raises(SettingsError, match="export OTRS__CREDENTIALS='mysql") as error:
        otrs_settings()
    assert error.value.exit_code == 3


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("mysql://u:p@h/d", "mysql+pymysql"),
        ("mariadb://u:p@h/d", "mysql+pymysql"),
        ("mysql+mysqldb://u:p@h:3307/d?ssl_ca=ca.pem", "mysql+pymysql"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:///x", "sqlite"),
    ],
)
def test_the_driver_is_the_one_that_is_shipped(given: str, driver: str) -> None:
    url = OtrsSettings(given).url()
    assert url.drivername == driver
    if "ssl_ca" in given:
        assert url.query["ssl_ca"] == "ca.pem"


@pytest.mark.parametrize(
    "credentials",
    [
        PASSWORD,
        f"mysql//u:{PASSWORD}@h/d",
        f"oracle://u:{PASSWORD}@h/d",
        f"mysql://u:{PASSWORD}@h:{PASSWORD}/d",
        f"mysql://u:x@{PASSWORD}@h/d",
        f"mysql://u:{PASSWORD}@127.0.0.1:1/d",
        f"postgresql://u:{PASSWORD}@127.0.0.1:1/d",
    ],
)
def test_no_error_and_no_settings_show_a_password(credentials: str, tmp_path: Path) -> None:
    settings = OtrsSettings(credentials)
    assert PASSWORD not in repr(settings)
    with pytest.raises(Exception, match=r"OTRS__CREDENTIALS") as error:
        extract_otrs(settings, tmp_path / "w.duckdb")
    assert PASSWORD not in str(error.value)
    assert error.value.exit_code in {3, 6}  # type: ignore[attr-defined]


def test_a_password_with_percent_signs_reaches_the_driver_whole() -> None:
    assert OtrsSettings("mysql://u:p%40%2Fw@h/d").url().password == "p@/w"


def test_a_source_that_is_not_there_is_named_without_its_password() -> None:
    url = OtrsSettings(f"mysql://reader:{PASSWORD}@127.0.0.1:1/otrs").url()
    with pytest.raises(Exception, match=r"reader:\*\*\*@127\.0\.0\.1:1/otrs"), open_snapshot(url):
        pytest.fail("nobody listens there")


@pytest.mark.parametrize(("given", "rate"), [("5000", 5000), ("", None)])
def test_the_load_on_the_source_can_be_held_down(
    given: str, rate: int | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder.exists()
    monkeypatch.setenv("OTRS__CREDENTIALS", "sqlite:///x.sqlite")
    monkeypatch.setenv("OTRS__MAX_ROWS_PER_SECOND", given)
    assert otrs_settings().max_rows_per_second == rate


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTRS__MAX_ROWS_PER_SECOND", "fast"), ("OTRS__MAX_ROWS_PER_SECOND", "0"), ("OTRS__TRUST_TIMEZONE", "maybe")],
)
def test_a_setting_of_the_wrong_kind_is_refused_by_name(
    variable: str, value: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder.exists()
    monkeypatch.setenv("OTRS__CREDENTIALS", "sqlite:///x.sqlite")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        otrs_settings()


def test_an_article_folder_that_is_not_there_is_named_and_none_means_that_the_files_are_gone(tmp_path: Path) -> None:
    assert OtrsSettings("sqlite://", article_dir=str(tmp_path)).article_folder() == tmp_path
    assert OtrsSettings("sqlite://", article_dir="none").article_folder() is None
    assert OtrsSettings("sqlite://").article_folder() is None
    with pytest.raises(SettingsError, match="OTRS__ARTICLE_DIR names 'nowhere'"):
        OtrsSettings("sqlite://", article_dir="nowhere").article_folder()
