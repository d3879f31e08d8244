"""What stands around dbt: where the project is, whether the warehouse is free, what the gate says."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from load.ledger import Ledger, Receipt
from load.settings import IntercomSettings, Settings
from load.simulator import Workspace
from otrs2intercom import rehearsal, transform, verify
from otrs2intercom.cli import verdict


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(IntercomSettings(), tmp_path / "warehouse.duckdb", tmp_path / "ledger.sqlite")


def fill(settings: Settings, *statements: str) -> None:
    with duckdb.connect(str(settings.warehouse)) as db:
        for statement in statements:
            db.execute(statement)


GATE = (
    "create table reconciliation.gate (invocation_id varchar, checked_at timestamp, generation bigint, passed boolean,"
    " tests_in_manifest int, tests_passed int, plan_hash varchar, mapping_hash varchar, blockers varchar)"
)


def test_dbt_s_own_settings_name_the_project_and_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert transform.project_dir() == transform.ROOT / "dbt_project"
    assert transform.profiles_dir() == transform.ROOT / "profiles"
    assert (transform.project_dir() / "dbt_project.yml").is_file()
    assert (transform.profiles_dir() / "profiles.yml").is_file()
    monkeypatch.setenv("DBT_PROJECT_DIR", str(tmp_path / "project"))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(tmp_path / "profiles"))
    assert transform.project_dir() == tmp_path / "project"
    assert transform.profiles_dir() == tmp_path / "profiles"


def test_without_a_build_there_is_no_gate(settings: Settings) -> None:
    fill(settings)
    assert transform.read_gate(settings) is None
    fill(settings, "create schema reconciliation", GATE)
    assert transform.read_gate(settings) is None


def test_the_newest_record_of_the_gate_counts(settings: Settings) -> None:
    fill(
        settings,
        "create schema reconciliation",
        GATE,
        "insert into reconciliation.gate values ('new', '2026-02-02', 2, false, 9, 7, 'h2', 'm', 'one, two')",
        "insert into reconciliation.gate values ('old', '2026-01-01', 1, true, 9, 9, 'h1', 'm', '')",
    )
    assert transform.read_gate(settings) == transform.Gate("new", False, 9, 7, ("one", "two"), "h2")
    fill(settings, "insert into reconciliation.gate values ('next', '2026-03-03', 3, true, 9, 9, 'h3', 'm', null)")
    gate = transform.read_gate(settings)
    assert gate is not None
    assert (gate.passed, gate.blockers) == (True, ())


def test_an_answer_is_written_as_json_with_its_letters_and_its_times() -> None:
    text = transform.as_json({"name": "Jörg", "at": datetime(2026, 1, 1, tzinfo=UTC), "path": Path("/x")})
    assert json.loads(text) == {"name": "Jörg", "at": "2026-01-01 00:00:00+00:00", "path": "/x"}
    assert "Jörg" in text


def test_a_table_of_another_attached_file_is_not_taken_for_ours(settings: Settings, tmp_path: Path) -> None:
    fill(settings, "create schema intercom", "create view intercom.requests as select 1 as one")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as db:
        db.execute(f"attach '{settings.warehouse}' as theirs")
        assert not transform.has_table(db, "intercom", "requests")
        db.execute("use theirs")
        assert transform.has_table(db, "intercom", "requests")


def test_nothing_loaded_is_nothing_to_verify(settings: Settings) -> None:
    with pytest.raises(verify.NothingLoadedError, match="apply --execute") as error:
        verify.verify(settings)
    assert error.value.exit_code == 3


@pytest.mark.parametrize(
    ("tickets", "verified", "fields", "clean", "differing"),
    [
        (2, 2, {"identical": 9}, True, 0),
        (2, 2, {}, True, 0),
        (2, 2, {"identical": 9, "explained": 4}, True, 0),
        (2, 1, {"identical": 9, "modified": 1}, False, 1),
        (2, 2, {"identical": 9, "added": 1, "missing": 2}, False, 3),
        (2, 1, {"identical": 9}, False, 0),
    ],
)
def test_a_verification_is_clean_when_every_difference_has_a_rule(
    tickets: int, verified: int, fields: dict[str, int], clean: bool, differing: int
) -> None:
    result = verify.Verification(tickets, verified, 0, 2, 2, fields, {}, {}, [])
    assert (result.clean, result.differing) == (clean, differing)
    assert {name: result.as_data()[name] for name in ("clean", "differing")} == {"clean": clean, "differing": differing}


def test_the_verdict_states_the_sample() -> None:
    result = verify.Verification(5, 5, 1, 5, 90, {"identical": 70, "explained": 2}, {}, {}, [], sample=5, files=3)
    assert verdict(result) == (
        "All 5 of 5 tickets (a sample of 5 of 90 conversations, chosen by hash) are in Intercom as they were wanted, in"
        " 5 conversations; 1 excluded with a reason; 70 fields compared equal, 2 differ by a rule with a name,"
        " 0 differ; 3 files compared by their bytes."
    )


def test_differences_are_written_as_csv_the_unexplained_first(settings: Settings, tmp_path: Path) -> None:
    fill(
        settings,
        "create schema reconciliation",
        "create table reconciliation.verification (object varchar, object_key varchar, part_key varchar,"
        " intercom_id varchar, field varchar, status varchar, rule varchar, expected varchar, actual varchar)",
        "insert into reconciliation.verification values"
        " ('part', 'k', 'p', '1', 'body', 'modified', 'cleaned_html', 'x', 'y'),"
        " ('contact', 'c', null, '2', 'name', 'identical', null, 'x', 'x'),"
        " ('tag', 't', null, null, 'exists', 'missing', null, 'a, \"b\"' || chr(10) || 'ü', null)",
    )
    verify._write_csv(settings.warehouse, tmp_path / "differences.csv")
    written = (tmp_path / "differences.csv").read_text(encoding="utf-8")
    assert written == (
        "object,object_key,part_key,intercom_id,field,status,rule,expected,actual\n"
        'tag,t,,,exists,missing,,"a, ""b""\nü",\n'
        "part,k,p,1,body,modified,cleaned_html,x,y\n"
    )


def test_what_was_written_to_is_named_by_object_and_key(settings: Settings) -> None:
    def receipt(slot: str) -> Receipt:
        return Receipt(slot, "lane", 5, "kind", "c", "p", None, "report", None, "set")

    with Ledger(settings.ledger) as ledger:
        run = ledger.start_run("hash")
        ledger.note(run, receipts=[receipt("conversation/otrs:ticket:1/tag/SLA: a/b"), receipt("tag/SLA: a/b")])
        moment = datetime.now(UTC)
        past = list(verify._written_since(ledger, moment.replace(tzinfo=None) + timedelta(minutes=1)))
        [(kind, key, at)] = verify._written_since(ledger, moment.replace(tzinfo=None) - timedelta(minutes=1))
    assert past == []
    assert (kind, key) == ("conversation", "otrs:ticket:1")
    assert abs(at - moment.replace(tzinfo=None)) < timedelta(minutes=1)


def test_a_rehearsal_has_a_teammate_for_every_valid_agent_and_a_team_for_every_queue(
    settings: Settings, tmp_path: Path
) -> None:
    fill(
        settings,
        "create schema raw_otrs",
        "create table raw_otrs.users (id bigint, first_name varchar, last_name varchar, valid_id bigint)",
        "create table raw_otrs.user_preferences (user_id bigint, preferences_key varchar, preferences_value varchar)",
        "create table raw_otrs.queue (id bigint, name varchar)",
        "insert into raw_otrs.users values (1, 'Admin', 'OTRS', 1), (2, 'Ada', 'L', 1), (3, 'Left', 'Long ago', 2),"
        " (4, 'No', 'Address', 1), (5, null, null, 1)",
        "insert into raw_otrs.user_preferences"
        " select id, 'UserEmail', ' U' || id || '@Example.com ' from raw_otrs.users where id != 4",
        "insert into raw_otrs.queue values (1, 'Raw'), (2, 'Raw::Deep')",
    )
    admins, teams = rehearsal.people_of(settings.warehouse)
    assert admins == [
        rehearsal.MIGRATION_ADMIN,
        {"name": "Ada L", "email": "u2@example.com"},
        {"name": "u5@example.com", "email": "u5@example.com"},
    ]
    assert teams == [{"name": "Raw"}, {"name": "Raw::Deep"}]
    for _ in range(2):  # seeding twice makes nobody twice
        assert rehearsal.seed_from_warehouse(tmp_path / "intercom.sqlite", settings.warehouse) == (3, 2)
    with Workspace(tmp_path / "intercom.sqlite") as workspace:
        assert workspace.counts()["teams"] == 2
