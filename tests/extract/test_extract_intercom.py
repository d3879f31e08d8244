"""A workspace's reference data arrives in raw_intercom."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from extract.intercom import REFERENCES, extract_intercom
from load.simulator import Options, Workspace, serve

HEADERS = {"Authorization": "Bearer made-up", "Intercom-Version": "2.16"}
CONTACTS, COMPANIES = 320, 105


@dataclass
class Simulated:
    """A served workspace; keeps the paths that were asked for."""

    client: httpx.Client
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def fetch(self, path: str, query: Mapping[str, str]) -> Any:
        self.asked.append((path, dict(query)))
        answer = self.client.get(path, params=dict(query))
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(path, json=body).raise_for_status().json()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A workspace with more contacts and companies than a page holds."""
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace(tmp_path_factory.mktemp("intercom") / "workspace.sqlite"))
        workspace.seed(
            admins=[{"name": f"Agent {n}", "email": f"agent{n}@example.com"} for n in range(3)],
            teams=[{"name": "Raw"}, {"name": "Junk"}],
            contacts=[
                {"role": "user", "external_id": f"user-{n}", "email": f"user{n}@example.com", "name": f"Usér {n}"}
                for n in range(CONTACTS)
            ],
            attributes=[
                {"name": "OTRS priority"},
                {"name": "login", "model": "contact"},
                {"name": "customer number", "model": "company"},
            ],
            tags=[{"name": "SLA: Gold"}],
        )
        served = stack.enter_context(serve(workspace, Options(rate_limit=None)))
        client = stack.enter_context(httpx.Client(base_url=served.base_url, headers=HEADERS, timeout=60))
        simulated = Simulated(client)
        [contact] = client.get("/contacts", params={"per_page": 1}).json()["data"]
        for number in range(COMPANIES):  # one without a contact would not be listed
            company = simulated.post("/companies", {"company_id": f"c{number}", "name": f"Company {number}"})
            simulated.post(f"/contacts/{contact['id']}/companies", {"id": company["id"]})
        yield simulated


@pytest.fixture
def query(warehouse: Path) -> Any:
    def run(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse), read_only=True) as db:
            return db.execute(sql).fetchall()

    return run


def test_every_kind_of_reference_data_arrives(simulated: Simulated, warehouse: Path, query: Any) -> None:
    shown: list[tuple[str, int]] = []
    simulated.asked.clear()
    result = extract_intercom(simulated.fetch, warehouse, lambda table, rows: shown.append((table, rows)))
    counts = {table.table: query(f"select count(*) from raw_intercom.{table.table}")[0][0] for table in REFERENCES}
    assert result.generation == 1
    assert result.rows == counts
    assert {name: counts[name] for name in ("me", "admins", "teams", "tags", "contacts", "companies")} == {
        "me": 1, "admins": 4, "teams": 2, "tags": 1, "contacts": CONTACTS, "companies": COMPANIES,
    }  # fmt: skip
    assert query("select workspace_id, workspace_name, region, timezone from raw_intercom.me") == [
        ("simulated", "Simulated workspace", "US", "UTC")
    ]
    assert ("agent0@example.com", "Agent 0") in query("select email, name from raw_intercom.admins")
    assert query("select name from raw_intercom.teams order by name") == [("Junk",), ("Raw",)]
    assert query("select name from raw_intercom.tags") == [("SLA: Gold",)]
    assert ("login", "contact") in query("select name, model from raw_intercom.contact_attributes")
    assert ("customer number", "company") in query("select name, model from raw_intercom.company_attributes")
    assert ("OTRS priority",) in query("select name from raw_intercom.conversation_attributes")
    assert query(
        "select count(distinct id), count(distinct external_id), bool_and(email like 'user%'), bool_and(role = 'user'),"
        " bool_and(json_extract_string(data, '$.external_id') = external_id) from raw_intercom.contacts"
    ) == [(CONTACTS, CONTACTS, True, True, True)]
    assert query("select count(distinct company_id) from raw_intercom.companies") == [(COMPANIES,)]
    assert query("select name from raw_intercom.contacts where external_id = 'user-7'") == [("Usér 7",)]
    assert ("contacts", CONTACTS) in shown


def test_contacts_come_by_pages_and_companies_by_scrolling(simulated: Simulated, warehouse: Path) -> None:
    simulated.asked.clear()
    extract_intercom(simulated.fetch, warehouse)
    contacts = [query for path, query in simulated.asked if path == "/contacts"]
    assert len(contacts) == 3
    assert all(query["per_page"] == "150" for query in contacts)
    assert len({query.get("starting_after") for query in contacts}) == 3
    scrolled = [query for path, query in simulated.asked if path == "/companies/scroll"]
    assert len(scrolled) == 3  # two pages of 100, and the empty one that ends a scroll
    assert "scroll_param" not in scrolled[0]


def empty_workspace(path: str, _query: Mapping[str, str]) -> Any:
    return {"id": "1", "app": {"id_code": "w"}} if path == "/me" else {"data": [], "admins": [], "teams": []}


def test_the_empty_stand_ins_of_a_first_build_make_room_for_what_is_read(warehouse: Path, query: Any) -> None:
    with duckdb.connect(str(warehouse)) as db:
        db.execute("create schema raw_intercom")
        for table in (*(reference.table for reference in REFERENCES), "read_back"):
            db.execute(f"create table raw_intercom.{table} (id varchar, is_found boolean, data varchar)")
    extract_intercom(empty_workspace, warehouse)
    kinds = dict(
        query("select table_name, table_type from information_schema.tables where table_schema = 'raw_intercom'")
    )
    assert kinds == {**{reference.table: "VIEW" for reference in REFERENCES}, "read_back": "BASE TABLE"}
    assert query("select admin_id, workspace_id from raw_intercom.me") == [("1", "w")]


def test_a_workspace_that_answers_nothing_gives_tables_without_rows(warehouse: Path, query: Any) -> None:
    result = extract_intercom(lambda path, _query: {} if path == "/me" else None, warehouse)
    assert result.rows == {reference.table: int(reference.table == "me") for reference in REFERENCES}
    columns = {row[0] for row in query("describe raw_intercom.contacts")}
    assert columns == {"id", "external_id", "role", "email", "name", "phone", "archived", "data"}


def test_an_answer_that_fails_leaves_the_previous_reading(warehouse: Path, query: Any) -> None:
    extract_intercom(empty_workspace, warehouse)

    def fail(path: str, given: Mapping[str, str]) -> Any:
        if path == "/contacts":
            raise httpx.ConnectError("cut")
        return empty_workspace(path, given)

    with pytest.raises(Exception, match="cut"):
        extract_intercom(fail, warehouse)
    assert query("select workspace_id from raw_intercom.me") == [("w",)]
    assert extract_intercom(empty_workspace, warehouse).generation == 2


def workspace_of(name: str) -> Callable[[str, Mapping[str, str]], Any]:
    """An empty workspace of another id."""

    def fetch(path: str, query: Mapping[str, str]) -> Any:
        return {"id": "1", "app": {"id_code": name}} if path == "/me" else empty_workspace(path, query)

    return fetch


def generations_of(warehouse: Path) -> list[int]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        rows = db.execute("select schema_name from duckdb_schemas() where schema_name like 'raw_intercom_%'").fetchall()
    return sorted(int(name.rpartition("_")[2]) for (name,) in rows)


def test_the_extract_before_each_load_is_kept_for_a_rollback(warehouse: Path) -> None:
    def read(name: str, *loads: datetime) -> None:
        extract_intercom(workspace_of(name), warehouse, loads=loads)

    def now() -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)

    read("ours")
    read("ours")
    first_load = now()
    for _ in range(3):
        read("ours", first_load)
    assert generations_of(warehouse) == [2, 4, 5]
    read("another")
    read("another")
    assert generations_of(warehouse) == [2, 4, 5, 6, 7]
    read("ours", first_load)
    assert generations_of(warehouse) == [2, 6, 7, 8]
