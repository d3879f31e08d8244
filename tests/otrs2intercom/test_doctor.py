"""The doctor says what is wrong in every area at once, and never a password."""

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from rich.console import Console
from sqlalchemy.engine import make_url
from support.database_servers import DatabaseServer

from load import silence
from load.settings import IntercomSettings, Settings
from load.simulator import Options, Workspace, serve
from otrs2intercom import transform
from otrs2intercom.doctor import Finding, diagnose, largest_file
from otrs2intercom.mapping import SEEDS
from otrs2intercom.sample import write_sample
from otrs2intercom.scope import show_scope

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
    shutil.copy(transform.ROOT / "dbt_project" / "dbt_project.yml", tmp_path / "dbt_project")
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
        diagnosis = diagnose(changed)
        found = diagnosis.findings
        assert json.loads(json.dumps(diagnosis.as_data()))["findings"] == [asdict(finding) for finding in found]
        text = " ".join(finding.text for finding in found)
        assert PASSWORD not in text
        assert TOKEN not in text
        areas: dict[str, list[Finding]] = {}
        for finding in found:
            assert finding.level in {"ok", "warning", "problem"}
            areas.setdefault(finding.area, []).append(finding)
        guarded = {"ledger", "plan", "permissions", "disk", "files"}
        assert [area for area in areas if area not in guarded] == [
            "source",
            "warehouse",
            "mapping",
            "workspace",
            "side effects",
        ]
        return areas

    return look


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return ``sample(*statements)``: writes a sample OTRS, changes it, and makes it the source."""

    def write(*statements: str) -> str:
        url = f"sqlite:///{tmp_path / 'otrs.sqlite'}"
        write_sample(url, tickets=2)
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()
        monkeypatch.setenv("OTRS__CREDENTIALS", url)
        return url

    return write


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
    assert [finding.text.partition(":")[0] for finding in found["side effects"]] == list(silence.ALL)


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
    findings: Findings, sample: Callable[..., str]
) -> None:
    sample(
        "create table our_own (id integer)",
        "create table our_empty (id integer)",
        "insert into our_own values (1)",
    )
    first, second, support, files, disk, *rest = findings()["source"]
    assert {first.level, second.level, files.level, disk.level} == {"ok"}
    assert first.text.startswith("OTRS 6.0 (article_data_mime exists")
    assert "times are in UTC (OTRSTimeZone in sysconfig_default" in first.text
    assert second.text.startswith("2 tickets, ")
    assert support.level == "warning"
    assert "gets no security fixes any more since 2020-12-31" in support.text
    assert files.text.startswith("files are kept in: database")
    assert "of disk in the warehouse's folder" in disk.text
    texts = [finding.text for finding in rest]
    assert "table our_own (1 rows) is unknown to this tool and not read" in texts
    assert not any("our_empty" in text or "the account" in text for text in texts)
    assert {finding.level for finding in rest} == {"warning"}


def test_a_wrong_time_zone_is_a_problem_and_hides_nothing_else(
    findings: Findings, sample: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sample()
    monkeypatch.setenv("OTRS__TIMEZONE", "Mars/Olympus")
    found = findings()["source"]
    [problem] = [finding for finding in found if finding.level == "problem"]
    assert "OTRS__TIMEZONE names the time zone 'Mars/Olympus'" in problem.text
    assert found[1].text.startswith("2 tickets, ")


def test_a_database_that_is_no_otrs_is_one_problem(findings: Findings, sample: Callable[..., str]) -> None:
    sample("drop table ticket")
    [problem, missing] = findings()["source"]
    assert "has no table ticket" in problem.text
    assert missing.text.startswith("tables that OTRS has are not seen: ticket.")


def test_customers_kept_elsewhere_are_counted_and_a_file_can_supply_them(
    findings: Findings, sample: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample(
        "update ticket set customer_user_id = 'Somebody.Else' where id = (select min(id) from ticket)",
        "update ticket set customer_user_id = 'another one' where id = (select max(id) from ticket)",
    )
    texts = " ".join(finding.text for finding in findings()["source"])
    assert "2 tickets belong to 2 customers who have no row in customer_user" in texts
    assert "set OTRS__CUSTOMERS_CSV" in texts
    people = tmp_path / "people.csv"
    people.write_text("login,email\nsomebody.else,somebody@example.com\nnobody,nobody@example.com\n")
    monkeypatch.setenv("OTRS__CUSTOMERS_CSV", str(people))
    texts = " ".join(finding.text for finding in findings()["source"])
    assert "1 tickets belong to 1 customers who have no row in customer_user, nor in OTRS__CUSTOMERS_CSV" in texts
    assert "supplies 1 others" in texts
    assert "example.com" not in texts


def test_files_on_disk_are_missed_before_anything_starts(
    findings: Findings, sample: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample(
        "update sysconfig_default set name = 'Ticket::Article::Backend::MIMEBase::ArticleStorage', effective_value ="
        " '--- Kernel::System::Ticket::Article::Backend::MIMEBase::ArticleStorageFS'"
        " where id = (select max(id) from sysconfig_default where name <> 'OTRSTimeZone')"
    )
    problems = [finding.text for finding in findings()["source"] if finding.level == "problem"]
    assert problems == [
        "set OTRS__ARTICLE_DIR to the folder var/article of OTRS, or to 'none' if those files were deleted"
    ]
    monkeypatch.setenv("OTRS__ARTICLE_DIR", str(tmp_path / "nowhere"))
    [problem] = [finding.text for finding in findings()["source"] if finding.level == "problem"]
    assert "nowhere" in problem


def test_an_account_that_may_write_and_tables_without_transactions_are_named(
    findings: Findings,
    load_lab_database: Callable[..., str],
    mariadb_server: DatabaseServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = load_lab_database("znuny65-mysql-fs", "znuny65_mysql_doctor")
    mariadb_server.execute("alter table sessions engine = MyISAM", database="znuny65_mysql_doctor")
    monkeypatch.setenv("OTRS__CREDENTIALS", url)
    texts = [finding.text for finding in findings()["source"] if finding.level == "warning"]
    [writes] = [text for text in texts if text.startswith("the account may write")]
    assert "ALL PRIVILEGES on every database" in writes
    assert "GRANT SELECT ON `znuny65_mysql_doctor`.* TO" in writes
    assert make_url(url).password not in writes
    [sessions] = [text for text in texts if text.startswith("table sessions is not transactional (MyISAM, ")]
    assert "cannot be part of the snapshot" in sessions
    [missing] = [text for text in texts if "files are expected and not there" in text]
    assert missing.startswith("47 files")  # mails that OTRS sent while it kept them on disk


def test_the_scope_fits_a_narrow_screen_and_names_nobody(
    settings: Settings, load_lab_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTRS__CREDENTIALS", load_lab_database("znuny65-mysql-fs", "znuny65_mysql_doctor"))
    diagnosis = diagnose(settings)
    assert diagnosis.scope is not None
    console = Console(width=80, file=io.StringIO(), highlight=False)
    show_scope(diagnosis.scope, diagnosis.estimate, console)
    shown = console.file.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= 80
    for words in (
        "Znuny 6.5",
        "tickets by year",
        "customer sees it",
        "below 20 MiB",
        "HWApproval",
        "requests per minute",
        "configuration items",
    ):
        assert words in shown
    data = diagnosis.as_data()
    assert data["scope"]["estimate"]["total"] > 0
    assert data["scope"]["article_files"]["missing"] == 47
    for text in (shown, json.dumps(data)):
        assert not re.search(r"[\w.]+@[\w.]+\.\w", text)


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
    rows = (f"{number},Raw,Raw,{decision},because,90,7," for number, decision in enumerate(decisions))
    lines = [HEADERS["queues"], *rows]
    (tmp_path / "dbt_project" / "seeds" / "mapping" / "queues.csv").write_text("\n".join(lines) + "\n")
    [finding] = findings()["mapping"]
    assert finding.level == level
    assert text in finding.text


def test_a_token_that_may_not_do_what_a_load_or_its_rollback_needs_is_a_problem(
    settings: Settings, findings: Findings, tmp_path: Path
) -> None:
    forbidden = frozenset({"POST /conversations", "DELETE /companies/{company_id}"})
    with (
        Workspace(tmp_path / "intercom.sqlite") as workspace,
        serve(workspace, Options(rate_limit=1666, forbidden=forbidden)) as served,
    ):
        found = findings(replace(settings, intercom=replace(settings.intercom, base_url=served.base_url)))
    [problem] = found["permissions"]
    assert problem.level == "problem"
    assert "Write conversations (for load of conversation.create" in problem.text
    assert "Write users and companies (for rollback of company.upsert" in problem.text
    assert "plan" not in found


@pytest.mark.usefixtures("settings")
def test_the_largest_file_is_that_of_the_dbt_project(tmp_path: Path) -> None:
    assert largest_file() == 20 * 1024**2
    project = tmp_path / "dbt_project" / "dbt_project.yml"
    project.write_text("vars: {file_size_limit: 1234}\n", encoding="utf-8")
    assert largest_file() == 1234


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

        [permitted] = findings(replace(settings, intercom=intercom))["permissions"]
        assert permitted.level == "ok"

        nameless = findings(replace(settings, intercom=replace(intercom, workspace_id="")))["workspace"]
        assert "if Simulated workspace is the one: simulated" in nameless[1].text

        [other] = findings(replace(settings, intercom=replace(intercom, workspace_id="another")))["workspace"]
        assert other.level == "problem"
        assert "another" in other.text

        [refused] = findings(replace(settings, intercom=replace(intercom, access_token="wrong")))["workspace"]
        assert refused.level == "problem"
