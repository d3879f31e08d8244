"""The doctor says what is wrong in every area at once, and never a password."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from load.settings import IntercomSettings, Settings
from load.simulator import Options, Workspace, serve
from otrs2intercom.doctor import SIDE_EFFECTS, Finding, examine
from otrs2intercom.mapping import SEEDS
from otrs2intercom.sample import write_sample

PASSWORD = "pass-word-1"
TOKEN = "tok-en-1"
HEADERS = {seed.name: ",".join(seed.columns) for seed in SEEDS}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A place where nothing has been done yet: no source, no warehouse, no decisions, nobody answering."""
    seeds = tmp_path / "dbt_project" / "seeds" / "mapping"
    seeds.mkdir(parents=True)
    for name, header in HEADERS.items():
        (seeds / f"{name}.csv").write_text(f"{header}\n")
    monkeypatch.setenv("DBT_PROJECT_DIR", str(tmp_path / "dbt_project"))
    monkeypatch.setenv("OTRS__CREDENTIALS", f"mysql://reader:{PASSWORD}@127.0.0.1:1/otrs")
    intercom = IntercomSettings(access_token=TOKEN, base_url="http://127.0.0.1:1", workspace_id="simulated")
    return Settings(intercom, tmp_path / "warehouse.duckdb", tmp_path / "ledger.sqlite")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is not asked again after a while."""
    monkeypatch.setattr("load.clock.SystemClock.sleep", lambda _self, _seconds: None)


@pytest.fixture
def findings(settings: Settings) -> Callable[..., dict[str, list[Finding]]]:
    """Return ``findings()``: what the doctor finds, by area."""

    def look(changed: Settings = settings) -> dict[str, list[Finding]]:
        found = examine(changed)
        text = " ".join(finding.text for finding in found)
        assert PASSWORD not in text
        assert TOKEN not in text
        areas: dict[str, list[Finding]] = {}
        for finding in found:
            assert finding.level in {"ok", "warning", "problem"}
            areas.setdefault(finding.area, []).append(finding)
        assert list(areas) == ["source", "warehouse", "mapping", "workspace", "side effects"]
        return areas

    return look


Findings = Callable[..., dict[str, list[Finding]]]


def test_every_area_says_its_own_problem(settings: Settings, findings: Findings, tmp_path: Path) -> None:
    settings.warehouse.write_bytes(b"no database" * 1000)
    (tmp_path / "dbt_project" / "seeds" / "mapping" / "queues.csv").write_text("nonsense\n")
    found = findings()
    assert [found[area][0].level for area in ("source", "warehouse", "mapping", "workspace")] == ["problem"] * 4
    assert "reader:***@127.0.0.1:1/otrs" in found["source"][0].text
    assert "warehouse.duckdb" in found["warehouse"][0].text
    assert "queues.csv" in found["mapping"][0].text
    assert "Intercom does not answer" in found["workspace"][0].text
    assert [finding.text for finding in found["side effects"]] == list(SIDE_EFFECTS)


def test_what_is_not_set_is_named(settings: Settings, findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTRS__CREDENTIALS")
    monkeypatch.chdir(settings.warehouse.parent)
    found = findings(replace(settings, intercom=IntercomSettings(), warehouse=Path("nowhere/w.duckdb")))
    assert "OTRS__CREDENTIALS is not set" in found["source"][0].text
    assert "INTERCOM__ACCESS_TOKEN is not set" in found["workspace"][0].text
    assert "set WAREHOUSE__PATH" in found["warehouse"][0].text


@pytest.mark.parametrize("credentials", [PASSWORD, f"oracle://u:{PASSWORD}@h/d", f"mysql://u:{PASSWORD}@h:x/d"])
def test_credentials_that_are_none_are_not_shown(
    credentials: str, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTRS__CREDENTIALS", credentials)
    [finding] = findings()["source"]
    assert finding.level == "problem"
    assert "OTRS__CREDENTIALS" in finding.text


def test_a_source_is_described_with_what_it_holds_and_what_is_not_read(
    findings: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'otrs.sqlite'}"
    write_sample(url, tickets=2)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table our_own (id integer)")
        connection.exec_driver_sql("create table our_empty (id integer)")
        connection.exec_driver_sql("insert into our_own values (1)")
    engine.dispose()
    monkeypatch.setenv("OTRS__CREDENTIALS", url)
    first, second, *rest = findings()["source"]
    assert first.level == second.level == "ok"
    assert first.text.startswith("OTRS 6.0 (article_data_mime exists")
    assert "times are in UTC (OTRSTimeZone in sysconfig_default)" in first.text
    assert second.text.startswith("2 tickets, ")
    assert [finding.text for finding in rest] == ["table our_own (1 rows) is unknown to this tool and not read"]
    monkeypatch.setenv("OTRS__TIMEZONE", "Mars/Olympus")
    [problem] = findings()["source"]
    assert "OTRS__TIMEZONE names the time zone 'Mars/Olympus'" in problem.text


def test_looking_makes_no_warehouse(settings: Settings, findings: Findings) -> None:
    [finding] = findings()["warehouse"]
    assert finding.level == "ok"
    assert not settings.warehouse.exists()


def test_a_warehouse_is_free_or_held_by_a_named_process(settings: Settings, findings: Findings) -> None:
    duckdb.connect(str(settings.warehouse)).close()
    assert findings()["warehouse"][0].level == "ok"
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(settings.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        [finding] = findings()["warehouse"]
        holder.communicate("")
    assert finding.level == "problem"
    assert f"process {holder.pid}" in finding.text


@pytest.mark.parametrize(
    ("decisions", "level", "text"),
    [
        ([], "warning", "no decisions yet"),
        (["confirmed", "proposed", "requires_admin_decision"], "warning", "2 decisions are open"),
        (["confirmed", "confirmed"], "ok", "2 decisions, all confirmed"),
    ],
)
def test_open_decisions_are_counted(
    decisions: list[str], level: str, text: str, findings: Findings, tmp_path: Path
) -> None:
    lines = [HEADERS["queues"], *(f"{number},Raw,Raw,{decision},," for number, decision in enumerate(decisions))]
    (tmp_path / "dbt_project" / "seeds" / "mapping" / "queues.csv").write_text("\n".join(lines) + "\n")
    [finding] = findings()["mapping"]
    assert finding.level == level
    assert text in finding.text


def test_a_workspace_is_described_and_another_one_than_configured_is_a_problem(
    settings: Settings, findings: Findings, tmp_path: Path
) -> None:
    with (
        Workspace(tmp_path / "intercom.sqlite") as workspace,
        serve(workspace, Options(access_token=TOKEN, rate_limit=1666)) as served,
    ):
        workspace.seed(admins=[{"name": "Ada", "email": "ada@example.com"}], teams=[{"name": "Raw"}])
        intercom = replace(settings.intercom, base_url=served.base_url)
        found = findings(replace(settings, intercom=intercom))["workspace"]
        assert {finding.level for finding in found} == {"ok"}
        assert found[0].text == "Simulated workspace (simulated), region US"
        assert "teammates, 1 teams" in found[1].text
        assert found[-1].text == "1,666 requests per 10 seconds"

        nameless = findings(replace(settings, intercom=replace(intercom, workspace_id="")))["workspace"]
        assert "if Simulated workspace is the one: simulated" in nameless[1].text

        [other] = findings(replace(settings, intercom=replace(intercom, workspace_id="another")))["workspace"]
        assert other.level == "problem"
        assert "another" in other.text

        [refused] = findings(replace(settings, intercom=replace(intercom, access_token="wrong")))["workspace"]
        assert refused.level == "problem"
