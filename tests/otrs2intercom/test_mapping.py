"""What a person decided stays decided; what nobody decided follows what is found."""

import csv
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dbt_project.functions.plugin import FUNCTIONS
from extract.otrs.catalogue import load_catalogue
from load.errors import GateError
from load.settings import IntercomSettings, Settings
from otrs2intercom import mapping, transform
from otrs2intercom.mapping import SEEDS, MappingFileError, MappingState, Seed

AGENTS = SEEDS[0]
HEADER = "otrs_agent_id,otrs_login,otrs_name,otrs_email,target,teammate_email,decision,reason,score,used,proposed_as"
OLD_HEADER = HEADER.replace(",score,used", "")
Rows = dict[str, dict[str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project, whose mapping files are empty."""
    folder = tmp_path / "dbt_project"
    shutil.copytree(
        transform.ROOT / "dbt_project",
        folder,
        ignore=shutil.ignore_patterns("target", "logs", "__pycache__", "functions"),
    )
    for path in (folder / "seeds" / "mapping").glob("*.csv"):
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    monkeypatch.setenv("DBT_PROJECT_DIR", str(folder))
    return folder


def file_of(seed: Seed = AGENTS) -> Path:
    return mapping.folder() / f"{seed.name}.csv"


def rows_of(seed: Seed = AGENTS) -> Rows:
    with file_of(seed).open(encoding="utf-8", newline="") as file:
        return {row[seed.key]: row for row in csv.DictReader(file)}


def edit(identity: str, **changes: str) -> None:
    """Edit a row of the agents' file, as a person does in a spreadsheet."""
    rows = rows_of()
    rows[identity] |= changes
    with file_of().open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[identity]))
        writer.writeheader()
        writer.writerows(rows.values())


def proposal(identity: int, email: str | None = None, used: str = "7") -> dict[str, str]:
    row = {
        "otrs_agent_id": str(identity),
        "otrs_login": f"agent{identity}",
        "otrs_name": f"Agent, the {identity}th",
        "otrs_email": f"agent{identity}@example.com",
        "target": "teammate" if email else "fallback",
        "teammate_email": email or "",
        "decision": "proposed" if email else "requires_admin_decision",
        "reason": "",
        "score": "100" if email else "0",
        "used": used,
    }
    return row | {"proposed_as": mapping._as_text(AGENTS, row)}


def merge(*proposals: dict[str, str], confirm_all: bool = False) -> MappingState:
    return mapping._merge(AGENTS, {row["otrs_agent_id"]: row for row in proposals}, confirm_all=confirm_all)


pytestmark = pytest.mark.usefixtures("project")


def test_a_first_run_writes_what_is_proposed() -> None:
    state = merge(proposal(1, "a@example.com"), proposal(2))
    assert rows_of() == {"1": proposal(1, "a@example.com"), "2": proposal(2)}
    assert (state.rows, state.added, state.open, state.gone) == (2, 2, 2, 0)
    assert file_of().read_text(encoding="utf-8").splitlines()[0] == HEADER


def test_a_confirmed_row_survives_another_proposal() -> None:
    merge(proposal(1))
    edit("1", decision="confirmed")
    state = merge(proposal(1, "new@example.com"))
    assert rows_of()["1"] == proposal(1) | {"decision": "confirmed"}
    assert (state.added, state.open) == (0, 0)


def test_an_edited_row_survives_although_nobody_has_confirmed_it() -> None:
    merge(proposal(1))
    edit("1", target="teammate", teammate_email="chosen@example.com")
    state = merge(proposal(1, "new@example.com"))
    assert rows_of()["1"]["teammate_email"] == "chosen@example.com"
    assert state.open == 1
    merge(proposal(1, "new@example.com"), confirm_all=True)
    assert rows_of()["1"]["teammate_email"] == "chosen@example.com"
    assert rows_of()["1"]["decision"] == "confirmed"


def test_a_row_that_nobody_touched_follows_the_proposal() -> None:
    merge(proposal(1), proposal(2, "old@example.com"))
    state = merge(proposal(1, "appeared@example.com"), proposal(2))
    assert rows_of() == {"1": proposal(1, "appeared@example.com"), "2": proposal(2)}
    assert (state.added, state.open) == (0, 2)


def test_a_row_without_a_memory_of_its_proposal_counts_as_edited() -> None:
    file_of().write_text(
        OLD_HEADER.replace(",proposed_as", "") + "\n1,agent1,A,a@example.com,teammate,b@example.com,proposed,\n",
        encoding="utf-8",
    )
    merge(proposal(1, "new@example.com"), proposal(2))
    assert rows_of()["1"]["teammate_email"] == "b@example.com"
    assert rows_of()["2"] == proposal(2)


def test_a_new_key_is_added_and_one_that_vanished_is_kept() -> None:
    merge(proposal(1), proposal(2))
    edit("1", decision="confirmed", reason="she is on leave")
    state = merge(proposal(2), proposal(3))
    assert list(rows_of()) == ["2", "3", "1"]
    assert rows_of()["1"]["reason"] == "she is on leave"
    assert (state.rows, state.added, state.open, state.gone) == (3, 1, 2, 1)


def test_a_column_that_a_person_added_stays() -> None:
    merge(proposal(1))
    lines = file_of().read_text(encoding="utf-8").splitlines()
    file_of().write_text(f"{lines[0]},asked\n{lines[1]},by mail\n", encoding="utf-8")
    merge(proposal(1, "appeared@example.com"), proposal(2))
    assert rows_of()["1"] == proposal(1, "appeared@example.com") | {"asked": "by mail"}
    assert rows_of()["2"] == proposal(2) | {"asked": ""}


def test_the_same_proposals_write_the_same_file() -> None:
    merge(proposal(1), proposal(2, "a@example.com"))
    before = file_of().read_bytes()
    merge(proposal(1), proposal(2, "a@example.com"))
    assert file_of().read_bytes() == before


@pytest.mark.parametrize(
    ("content", "line", "complaint"),
    [
        ("a,b\n1,2\n", None, "the first line lacks otrs_agent_id, "),
        (OLD_HEADER.replace(",", ";") + "\n", None, "the first line lacks otrs_agent_id, "),
        ("", None, "the first line lacks otrs_agent_id, "),
        (OLD_HEADER + "\n1,a,A,m,fallback,,maybe,,\n", 2, "decision is 'maybe'; write one of confirmed"),
        (OLD_HEADER + "\n1,a,A,m,fallback,,confirmed,,\n2,b,B,m,fallback,,,,\n", 3, "decision is ''"),
        (OLD_HEADER + "\n1,a,A,m,fallback,,confirmed,,,more\n", 2, "another number of values than columns"),
        (OLD_HEADER + "\n1,a,A,m,nobody,,confirmed,,\n", 2, "target is 'nobody'; write one of teammate, fallback"),
        (OLD_HEADER + "\n1,a,A\n", 2, "another number of values than columns"),
        (OLD_HEADER + "\n" + "1,a,A,m,fallback,,confirmed,,\n" * 2, 3, "otrs_agent_id 1 occurs twice"),
        (OLD_HEADER + '\n1,"a,A,m,fallback,,confirmed,,\n', 2, "unexpected end of data"),
        (OLD_HEADER + '\n1,"a"b,A,m,fallback,,confirmed,,\n', 2, "expected after"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line_and_the_file_is_left_alone(
    content: str, line: int | None, complaint: str
) -> None:
    file_of().write_text(content, encoding="utf-8")
    for run in (lambda: merge(proposal(1)), mapping.check):
        with pytest.raises(MappingFileError) as error:
            run()
        assert str(file_of()) in str(error.value)
        assert complaint in str(error.value)
        assert line is None or f"line {line}" in str(error.value)
        assert error.value.exit_code == 3
    assert file_of().read_text(encoding="utf-8") == content


def test_a_file_that_a_spreadsheet_saved_in_another_encoding_is_named_with_its_line() -> None:
    file_of().write_bytes((OLD_HEADER + "\n1,jörg,A,m,fallback,,confirmed,,\n").encode("windows-1252"))
    with pytest.raises(MappingFileError, match=r"agents\.csv, line 2: not UTF-8"):
        merge(proposal(1))


def test_nothing_is_lost_when_writing_fails_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    merge(proposal(1))
    edit("1", decision="confirmed")
    before = file_of().read_bytes()
    beside = set(mapping.folder().iterdir())

    def fail(self: Any, rows: Any) -> None:
        self.writerow(next(iter(rows)))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(csv.DictWriter, "writerows", fail)
        with pytest.raises(OSError, match="No space left"):
            merge(proposal(1), proposal(2))
    assert file_of().read_bytes() == before
    assert set(mapping.folder().iterdir()) == beside


def test_check_counts_what_is_open_and_changes_nothing() -> None:
    merge(proposal(1), proposal(2))
    edit("1", decision="confirmed")
    before = file_of().read_bytes()
    states = {state.seed: state for state in mapping.check()}
    assert set(states) == {seed.name for seed in SEEDS}
    assert (states["agents"].rows, states["agents"].open) == (2, 1)
    assert states["queues"].rows == 0
    assert file_of().read_bytes() == before


def test_a_missing_file_is_written_by_the_next_run_and_named_by_a_check() -> None:
    file_of().unlink()
    with pytest.raises(MappingFileError, match=r"agents\.csv is missing\. Run `otrs2intercom map`"):
        mapping.check()
    merge(proposal(1))
    assert rows_of() == {"1": proposal(1)}


def test_a_file_of_an_earlier_version_gets_the_columns_that_it_lacks() -> None:
    file_of().write_text(
        f"{OLD_HEADER},asked\n1,agent1,A,a@example.com,teammate,b@example.com,confirmed,because,target=x,by mail\n",
        encoding="utf-8",
    )
    assert next(state.rows for state in mapping.check()) == 1
    merge(proposal(1, "new@example.com"), proposal(2))
    assert file_of().read_text(encoding="utf-8").splitlines()[0] == f"{HEADER},asked"
    row = rows_of()["1"]
    assert (row["teammate_email"], row["asked"], row["score"], row["used"]) == ("b@example.com", "by mail", "", "7")
    assert rows_of()["2"] == proposal(2) | {"asked": ""}


def built(folder: Path) -> Settings:
    """A warehouse with the mapping as a build would have read it."""
    settings = Settings(IntercomSettings(), folder / "built.duckdb")
    with duckdb.connect(str(settings.warehouse)) as db:
        db.execute("create schema mapping")
        for seed in SEEDS:
            table = f"create table mapping.{seed.name} as select * from read_csv(?, all_varchar = true, header = true)"
            db.execute(table, [str(file_of(seed))])
    return settings


@pytest.mark.parametrize(
    ("changes", "is_another"),
    [
        ({}, False),
        ({"reason": "seen again", "used": "8", "score": "3"}, False),
        ({"teammate_email": "other@example.com"}, True),
        ({"decision": "requires_admin_decision"}, True),
        ({"teammate_email": ""}, True),
    ],
)
def test_a_plan_is_refused_when_a_decision_changed_since_the_build(
    tmp_path: Path, changes: dict[str, str], *, is_another: bool
) -> None:
    merge(proposal(2, "two@example.com"), proposal(3), confirm_all=True)
    settings = built(tmp_path)
    edit("2", **changes)
    if not is_another:
        mapping.require_built(settings)
        return
    with pytest.raises(GateError, match=r"agents.csv changed since the build"):
        mapping.require_built(settings)


def test_a_decision_that_was_added_or_removed_since_the_build_asks_for_another(tmp_path: Path) -> None:
    merge(proposal(2, "two@example.com"), confirm_all=True)
    settings = built(tmp_path)
    merge(proposal(2, "two@example.com"), proposal(3), confirm_all=True)
    with pytest.raises(GateError, match=r"agents.csv"):
        mapping.require_built(settings)


def test_a_row_that_no_record_needs_may_stay_open() -> None:
    state = merge(proposal(1), proposal(2, used="0"))
    assert (state.open, state.unused, [row.line for row in state.open_rows]) == (1, 1, [2])
    agents = next(state for state in mapping.check() if state.seed == "agents")
    assert (agents.open, agents.unused) == (1, 1)
    merge(proposal(1, used="0"), proposal(2, used="3"))
    assert rows_of()["2"]["used"] == "3", "how many need it is a fact, not a decision"


def test_an_address_that_the_workspace_lacks_is_named_by_file_and_line(tmp_path: Path) -> None:
    settings = Settings(IntercomSettings(), tmp_path / "warehouse.duckdb", tmp_path / "ledger.sqlite")
    with duckdb.connect(str(settings.warehouse)) as db:
        db.execute("create schema raw_intercom")
        db.execute("create table raw_intercom.admins (id varchar, email varchar, archived boolean)")
        db.execute(
            "insert into raw_intercom.admins values ('1', 'Here@example.com', false), ('2', 'old@example.com', true)"
        )
    merge(proposal(1, "HERE@example.com"), proposal(2, "old@example.com"), proposal(3))
    agents = next(state for state in mapping.check(settings) if state.seed == "agents")
    assert agents.broken == (f"{file_of()}, line 3: the workspace has no teammate with the address 'old@example.com'.",)
    assert all(state.broken == () for state in mapping.check()), "without a warehouse nothing is compared"


DUCKDB_TYPES = {
    "integer": "bigint",
    "decimal": "double",
    "text": "varchar",
    "timestamp": "timestamp",
    "bytes": "blob",
    "base64": "blob",
}


def keep_what_proposals_need(project: Path) -> None:
    """Delete the rest of the project: dbt takes longer to read it all than to compute the proposals."""
    models = {path.stem: path for path in (project / "models").rglob("*.sql")}
    needed: set[str] = set()
    found = {path.stem for path in (project / "models" / "mapping").glob("*.sql")}
    while found:
        needed |= found
        read = " ".join(models[name].read_text(encoding="utf-8") for name in found)
        found = (set(re.findall(r"""ref\(["'](\w+)["']\)""", read)) & models.keys()) - needed
    for name in models.keys() - needed:
        models[name].unlink()
        models[name].with_suffix(".yml").unlink()
    (project / "models" / "exposures.yml").unlink()
    shutil.rmtree(project / "tests")


@pytest.fixture
def extracted(tmp_path: Path, project: Path) -> Iterator[Settings]:
    """A warehouse with three agents, two queues, and what else the proposals are made of."""
    keep_what_proposals_need(project)
    settings = Settings(IntercomSettings(), tmp_path / "warehouse.duckdb", tmp_path / "ledger.sqlite")
    with duckdb.connect(str(settings.warehouse)) as db:
        db.execute("create schema raw_otrs; create schema raw_intercom")
        for table in load_catalogue().tables:
            types = ", ".join(f'"{column.name}" {DUCKDB_TYPES[column.type]}' for column in table.read_columns)
            db.execute(f'create table raw_otrs."{table.name}" ({types})')
        db.execute(
            "create table raw_otrs.source_profile as select 1::bigint as generation, 'UTC' as time_zone,"
            " timestamp '2026-01-01' as snapshot_at"
        )
        db.execute(
            "insert into raw_otrs.users (id, login, first_name, last_name, valid_id) values"
            " (1, 'root@localhost', 'Admin', 'OTRS', 1), (2, 'ada', 'Ada', 'L', 1), (3, 'bo', 'Bo', 'M', 1)"
        )
        db.execute(
            "insert into raw_otrs.user_preferences values (2, 'UserEmail', 'Ada@Example.com'),"
            " (3, 'UserEmail', 'bo@example.com'), (3, 'UserLanguage', 'de')"
        )
        db.execute("insert into raw_otrs.queue (id, name, valid_id) values (1, 'Postmaster', 1), (2, 'Raw::Deep', 1)")
        db.execute("insert into raw_otrs.ticket_state_type (id, name) values (1, 'new'), (2, 'removed'), (3, 'odd')")
        db.execute(
            "insert into raw_otrs.ticket_state (id, name, type_id, valid_id)"
            " values (1, 'new', 1, 1), (9, 'removed', 2, 1), (10, 'odd', 3, 1)"
        )
        db.execute("insert into raw_otrs.ticket_priority (id, name, valid_id) values (3, '3 normal', 1)")
        db.execute("insert into raw_otrs.ticket_type (id, name, valid_id) values (1, 'Unclassified', 1)")
        db.execute("insert into raw_otrs.sla (id, name, valid_id, solution_time) values (1, 'Gold', 1, 240)")
        db.execute(
            "insert into raw_otrs.ticket (id, tn, queue_id, ticket_state_id, ticket_priority_id, type_id, user_id)"
            " values (1, '1', 2, 10, 3, 1, 3)"
        )
        db.execute(
            "insert into raw_otrs.dynamic_field (id, name, label, field_type, object_type, config, valid_id) values"
            " (1, 'Warranty', 'Garantie', 'Dropdown', 'Ticket', '---\nPossibleValues:\n  no: no\n', 1)"
        )
        db.execute(
            "insert into raw_otrs.dynamic_field_value (id, field_id, object_id, value_text) values (1, 1, 1, 'no')"
        )
        db.execute(
            "create table raw_otrs.source_tables as select 'faq_item' as table_name, 3::bigint as row_count,"
            " 9::bigint as bytes, false as is_read, null::boolean as customer_data, 'unknown' as reason,"
            " null::varchar as canonical_name"
        )
        db.execute(
            "create table raw_intercom.admins (id varchar, email varchar, name varchar, archived boolean, data varchar)"
        )
        db.execute("create table raw_intercom.teams (id varchar, name varchar, archived boolean, data varchar)")
        db.execute("insert into raw_intercom.admins values ('1', 'ada@example.com', 'Ada', false, '{}')")
        db.execute("insert into raw_intercom.teams values ('7', 'postmaster', false, '{}')")
    yield settings
    assert not list(settings.warehouse.parent.glob("*.csv.new"))


def compute_again(settings: Settings, models: Sequence[str]) -> None:
    """Compute proposals anew with the SQL that dbt ran: most of its time goes into starting and reading the project."""
    with duckdb.connect(str(settings.warehouse)) as db:
        for function in FUNCTIONS:
            function.register(db)
        for model in models:
            [compiled] = (transform.project_dir() / "target" / "compiled").rglob(f"{model}.sql")
            db.execute(f"create or replace table mapping.{model} as {compiled.read_text(encoding='utf-8')}")


def test_proposals_follow_the_workspace_until_a_person_decides(
    extracted: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {state.seed: state for state in mapping.propose(extracted)}
    assert {seed: (state.rows, state.added) for seed, state in states.items()} == {
        "agents": (3, 3), "queues": (2, 2), "ticket_states": (3, 3), "ticket_priorities": (1, 1),
        "ticket_types": (1, 1), "slas": (1, 1), "dynamic_fields": (1, 1), "source_tables": (1, 1),
        "services": (0, 0), "config_item_classes": (0, 0),
    }  # fmt: skip
    assert {seed: (state.open, state.unused) for seed, state in states.items()} == {
        "agents": (1, 2), "queues": (1, 1), "ticket_states": (1, 2), "ticket_priorities": (1, 0),
        "ticket_types": (1, 0), "slas": (0, 1), "dynamic_fields": (1, 0), "source_tables": (1, 0),
        "services": (0, 0), "config_item_classes": (0, 0),
    }  # fmt: skip
    fields = rows_of(next(seed for seed in SEEDS if seed.name == "dynamic_fields"))
    assert (fields["1"]["target"], fields["1"]["attribute_name"], fields["1"]["score"]) == ("tag", "Garantie", "90")
    tables = rows_of(next(seed for seed in SEEDS if seed.name == "source_tables"))
    assert (tables["faq_item"]["treatment"], tables["faq_item"]["decision"]) == ("leave", "requires_admin_decision")
    agents = rows_of()
    assert (agents["2"]["target"], agents["2"]["teammate_email"]) == ("teammate", "ada@example.com")
    assert (agents["3"]["target"], agents["3"]["decision"]) == ("fallback", "requires_admin_decision")
    assert rows_of(SEEDS[1])["1"]["team_name"] == "postmaster"
    assert rows_of(SEEDS[2])["9"]["intercom_state"] == "not_loaded"
    assert rows_of(SEEDS[2])["10"]["decision"] == "requires_admin_decision"
    edit("2", decision="confirmed", target="fallback", teammate_email="")

    with duckdb.connect(str(extracted.warehouse)) as db:
        db.execute("insert into raw_intercom.admins values ('2', 'bo@example.com', 'Bo', false, '{}')")
        db.execute("delete from raw_otrs.queue where id = 2")
    compute_again(extracted, ["proposed_agents", "proposed_queues"])
    monkeypatch.setattr(transform, "dbt", lambda *_, **__: True)
    states = {state.seed: state for state in mapping.propose(extracted, confirm_all=True)}
    agents = rows_of()
    assert agents["2"]["target"] == "fallback", "what was confirmed stays"
    assert agents["3"]["teammate_email"] == "bo@example.com", "what nobody touched follows"
    assert {row["decision"] for seed in SEEDS for row in rows_of(seed).values()} <= {
        "confirmed", "requires_admin_decision",
    }  # fmt: skip
    assert {state.open for state in states.values()} == {0}
    assert states["queues"].gone == 1
    assert rows_of(SEEDS[1])["2"]["otrs_queue"] == "Raw::Deep", "what vanished is kept"
