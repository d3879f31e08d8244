"""Whatever happens in OTRS between two loads, the workspace holds what it should, and nothing twice.

Random edits to many tickets at once, then extract, build and apply; and again. What came of it is compared
with what `little_otrs.Wanted` says, which knows none of our SQL. Some histories are fixed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from little_otrs import (
    CHANGING,
    FUTURE,
    OWNERS,
    PRIORITIES,
    QUEUES,
    SLAS,
    Article,
    Conversation,
    LittleOtrs,
    Message,
    Ticket,
    Wanted,
)
from support.pipeline import ROOT, new_pipeline, seed_people

from extract.intercom.readback import read_back
from extract.otrs import extract_otrs
from extract.otrs.catalogue import Catalogue, load_catalogue
from extract.otrs.settings import OtrsSettings
from load import silence
from load.client import Client
from load.engine import apply
from load.publish import publish
from load.settings import IntercomSettings, Settings
from load.simulator import Options, Workspace, serve
from otrs2intercom import mapping
from otrs2intercom.sample import write_sample
from otrs2intercom.verify import MODELS, targets_of

TICKETS = 40
ROUNDS = 4
PARTS = 5
"""Parts of a conversation, its opening included, so that there are continuations."""
WORDS = re.compile(r"word\d{5}x")
ORDER = (
    "parts_are_in_the_order_of_articles",
    "requests_say_what_the_parts_say",
    "files_are_with_their_article",
    "what_was_sent_stays_as_it_was",
)


def changing_tables() -> Catalogue:
    """The tables that change here."""
    catalogue = load_catalogue()
    return replace(catalogue, tables=tuple(table for table in catalogue.tables if table.name in CHANGING))


@dataclass
class Migration:
    """All that is between the OTRS and the workspace, run in this process."""

    otrs: LittleOtrs
    wanted: Wanted
    workspace: Workspace
    settings: Settings
    project: Path
    manifest: Any = None
    is_built: bool = False

    @property
    def warehouse(self) -> Path:
        return self.settings.warehouse

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run one command of dbt; returns the status of each node by its name."""
        common = ["--project-dir", str(self.project), "--profiles-dir", str(ROOT / "profiles"), "--quiet"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WAREHOUSE__PATH", str(self.warehouse))
            if self.manifest is None:
                self.manifest = dbtRunner().invoke(["parse", *common]).result
            result: Any = dbtRunner(manifest=self.manifest).invoke([*arguments, *common])
        environment = DuckDBConnectionManager._ENV
        if environment is not None:
            environment.close()
        DuckDBConnectionManager.close_all_connections()
        if result.exception is not None:
            raise result.exception
        statuses = {node.node.name: str(node.status) for node in result.result.results}
        assert set(statuses.values()) <= {"success", "pass"}, statuses
        return statuses

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the warehouse."""
        with closing(duckdb.connect(str(self.warehouse), read_only=True)) as db:
            return db.execute(sql).fetchall()

    def execute(self, *statements: str) -> None:
        """Write to the warehouse."""
        with closing(duckdb.connect(str(self.warehouse))) as db:
            for statement in statements:
                db.execute(statement)

    def extract(self) -> None:
        """Extract the tables that change."""
        self.otrs.write()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("extract.otrs.load_catalogue", changing_tables)
            extract_otrs(OtrsSettings(f"sqlite:///{self.otrs.path}"), self.warehouse)

    def build(self) -> None:
        """Build the plan, and open the gate. Views are made once."""
        publish(self.settings.ledger, self.warehouse)
        plan = ("+requests", "plan_hash", "file_contents", "phases", "to_do_by_hand")
        self.dbt("run", "--select", *plan, *(("--exclude", "config.materialized:view") if self.is_built else ()))
        self.is_built = True
        self.execute(
            "create table if not exists reconciliation.gate (invocation_id varchar, checked_at timestamp, generation"
            " bigint, passed boolean, tests_in_manifest integer, tests_passed integer, plan_hash varchar,"
            " mapping_hash varchar, blockers varchar, workspace_id varchar)",
            "insert into reconciliation.gate select uuid()::varchar, now()::timestamp, 1, true, 1, 1, plan_hash, 'm',"
            " '', (select workspace_id from raw_intercom.me) from intercom.plan_hash",
        )

    def apply(self) -> int:
        """Apply; what was announced is what was accepted. Returns the number of writes."""
        before = sum(self.workspace.accepted_writes().values())
        result = apply(self.settings, acknowledge=silence.ALL)
        assert result.exit_code == 0, result.as_dict()
        written = sum(self.workspace.accepted_writes().values()) - before
        assert result.plan.total == written == sum(result.written.values()), result.as_dict()
        assert result.plan.changed.count == 0, result.plan.changed
        return written

    def carry_over(self) -> int:
        """Extract, build and apply; a second apply has nothing to do. Returns the number of writes."""
        self.extract()
        self.build()
        written = self.apply()
        self.wanted.carried_over()
        assert self.apply() == 0
        return written

    def verify(self) -> None:
        """Compare by our own means: what differs is what a person was told of, and the tests of order pass."""
        self.build()
        statuses = self.dbt("test", "--select", *ORDER)
        assert statuses.keys() >= set(ORDER)
        with Client(self.settings.intercom) as client:
            read_back(client.fetch, self.warehouse, targets_of(None, None), workspace_id="simulated", workers=4)
        self.dbt("run", "--select", *MODELS, "to_do_by_hand")
        compared = self.rows("select count(*) from reconciliation.verification where status = 'identical'")
        assert compared[0][0] > 20 * TICKETS
        assert (
            self.rows("select object, object_key, part_key, field, status, actual from reconciliation.differences")
            == []
        )
        left = self.rows(
            "select object, object_key from reconciliation.explained_differences where rule = 'planned_no_longer'"
            " and field = 'exists'"
        )
        assert "part" in {kind for kind, _ in left} <= {"conversation", "part"}
        told = self.rows(
            "select reason, count(*) from reconciliation.to_do_by_hand where reason != 'article_hidden' group by reason"
        )
        assert {"article_deleted", "ticket_not_loaded_any_more"} <= {reason for reason, _ in told}
        listed = self.rows("select slot from reconciliation.to_do_by_hand")
        assert len(listed) == len(set(listed))
        assert {key for _, key in left} <= {slot.split("/")[1] for (slot,) in listed}

    def check(self) -> None:
        """Compare the workspace with what is wanted of it."""
        there = list(self.workspace.dump(import_time_parts=False))
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in there:
            if record["object"] == "conversation":
                found[record["custom_attributes"]["OTRS ticket number"]].append(record)
        wanted = {self.otrs.tickets[number].tn: one for number, one in self.wanted.conversations.items()}
        assert set(found) == set(wanted)
        for tn, one in wanted.items():
            chunks = sorted(found[tn], key=_chunk)
            assert [_chunk(record) for record in chunks] == list(range(1, len(chunks) + 1)), tn
            assert tuple(_words([chunks[0]["body"]])) == one.opening, tn
            assert [_message(part) for record in chunks for part in record["parts"]] == one.messages, tn
            fields = self.wanted.fields_of(one)
            assert _fields(chunks[0]) == fields, tn
            for record in chunks:
                assert len(record["parts"]) <= PARTS, tn
                attributes = record["custom_attributes"]
                assert ("OTRS continues" in attributes) == (record is not chunks[0]), tn
                assert ("OTRS continued in" in attributes) == (record is not chunks[-1]), tn
                same = ("state", "team", "teammate", "contact", "company")
                assert {name: _fields(record)[name] for name in same} == {name: fields[name] for name in same}, tn
        self._check_people(there)
        said = Counter(word for chunks in found.values() for record in chunks for word in _words(_texts(record)))
        told = Counter(word for one in wanted.values() for word in _words([*one.opening, *_told(one)]))
        assert said == told

    def _check_people(self, there: Sequence[dict[str, Any]]) -> None:
        contacts = {record["external_id"]: record for record in there if record["object"] == "contact"}
        customers = {one.login: one for one in self.otrs.customers.values()}
        assert {name for name in contacts if name and name.startswith("login")} == set(customers)
        for external_id, customer in customers.items():
            assert contacts[external_id]["companies"] == [customer.company], external_id
            assert contacts[external_id]["custom_attributes"]["otrs-login"] == customer.login


def _chunk(record: dict[str, Any]) -> int:
    """The number of a continuation, which its title names."""
    number = re.search(r" \((\d+)\)$", record["title"])
    return int(number[1]) if number else 1


def _message(part: dict[str, Any]) -> Message:
    kind = "note" if part["part_type"] == "note" else "teammate" if "@" in part["author"] else "contact"
    return Message(kind, tuple(WORDS.findall(part["body"] or "")), tuple(file["name"] for file in part["files"]))


def _texts(record: dict[str, Any]) -> list[str]:
    names = [file["name"] for part in record["parts"] for file in part["files"]]
    return [record["body"], *(part["body"] or "" for part in record["parts"]), *names]


def _told(one: Conversation) -> list[str]:
    return [text for message in one.messages for text in (*message.words, *message.files)]


def _words(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in WORDS.findall(name)]


def _fields(found: dict[str, Any]) -> dict[str, object]:
    attributes = found["custom_attributes"]
    return {
        "contact": found["contact"],
        "title": found["title"],
        "state": found["state"],
        "snoozed_until": found["snoozed_until"] if found["state"] == "snoozed" else None,
        "team": found["team_assignee"],
        "teammate": found["admin_assignee"],
        "company": found["company"],
        "queue": attributes["OTRS queue"],
        "priority": attributes["OTRS priority"],
        "tags": [tag for tag in found["tags"] if tag.startswith("SLA")],
    }


@pytest.fixture(scope="module")
def migration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migration]:
    """An OTRS with its first tickets, extracted; decisions confirmed; an empty workspace."""
    folder = tmp_path_factory.mktemp("edits")
    source = folder / "otrs.sqlite"
    write_sample(f"sqlite:///{source}", tickets=1, seed=1)
    otrs = LittleOtrs(source, seed=20240301)
    for company in ("alpha", "beta", "gamma"):
        otrs.add_company(company)
        otrs.add_customer(company)
        otrs.add_customer(company)
    otrs.write()
    with Workspace(folder / "intercom.sqlite") as workspace, serve(workspace, Options(rate_limit=10**6)) as served:
        pipeline = new_pipeline(folder, f"sqlite:///{source}", served.base_url)
        intercom = IntercomSettings(
            "made-up", served.base_url, "simulated", search_lag=0.0, commit_grace=0.0, purpose="sandbox"
        )
        settings = Settings(intercom, pipeline.warehouse, pipeline.ledger)
        _allow(pipeline.project, PARTS)
        done = Migration(otrs, Wanted(otrs), workspace, settings, pipeline.project)
        extract_otrs(OtrsSettings(f"sqlite:///{source}"), pipeline.warehouse)
        _keep_what_does_not_change(done)
        seed_people(workspace, pipeline.warehouse)
        _describe_workspace(done)
        publish(settings.ledger, pipeline.warehouse)
        _decide(done)
        yield done


def _allow(project: Path, parts: int) -> None:
    path = project / "dbt_project.yml"
    told = path.read_text(encoding="utf-8")
    assert "  parts_per_conversation: 400\n" in told
    path.write_text(told.replace("parts_per_conversation: 400", f"parts_per_conversation: {parts}"), encoding="utf-8")


def _keep_what_does_not_change(migration: Migration) -> None:
    """Make tables of the views, so that they outlive generations of a few tables."""
    views = migration.rows(
        "select view_name from duckdb_views() where schema_name = 'raw_otrs' and database_name = current_database()"
    )
    made_anew = {*CHANGING, "attachment_contents", "row_changes", "article_files", "source_profile", "source_tables"}
    kept = sorted({name for (name,) in views} - made_anew - {"rejected"})
    migration.execute(
        "create schema kept",
        *(f"create table kept.{name} as from raw_otrs.{name}" for name in kept),
        *(f"drop view raw_otrs.{name}" for name in kept),
        *(f"create view raw_otrs.{name} as from kept.{name}" for name in kept),
    )


def _describe_workspace(migration: Migration) -> None:
    """Put into the warehouse what an extract of the workspace would."""
    with migration.workspace.reading() as tx:
        admins = [tuple(row) for row in tx.execute("select id, email, name from admins order by id")]
        teams = [tuple(row) for row in tx.execute("select id, name from teams order by id")]
    with closing(duckdb.connect(str(migration.warehouse))) as db:
        db.execute("create schema raw_intercom")
        db.execute(
            "create table raw_intercom.admins (id varchar, email varchar, name varchar, archived boolean, data varchar)"
        )
        db.executemany("insert into raw_intercom.admins values (?, ?, ?, false, '{}')", admins)
        db.execute("create table raw_intercom.teams (id varchar, name varchar, archived boolean, data varchar)")
        db.executemany("insert into raw_intercom.teams values (?, ?, false, '{}')", teams)
        db.execute(
            "create table raw_intercom.me as select id as admin_id, email, name, 'simulated' as workspace_id,"
            " 'Little' as workspace_name, 'US' as region, 'UTC' as timezone, false as archived, '{}' as data"
            f" from raw_intercom.admins where id = '{admins[0][0]}'"
        )


def _decide(migration: Migration) -> None:
    """Confirm all proposals."""

    def dbt(_settings: Settings, arguments: Sequence[str], *, quiet: bool = False) -> bool:
        return bool(quiet) and bool(migration.dbt(*arguments))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_PROJECT_DIR", str(migration.project))
        patch.setattr("otrs2intercom.transform.dbt", dbt)
        mapping.propose(migration.settings, confirm_all=True)
    migration.dbt("seed")


# --- edits


def _random_ticket(otrs: LittleOtrs) -> Ticket:
    dice = otrs.dice
    ticket = otrs.add_ticket(dice.choice(list(otrs.customers.values())))
    for _ in range(dice.randrange(4)):
        _new_article(otrs, ticket)
    return ticket


def _new_article(otrs: LittleOtrs, ticket: Ticket) -> None:
    dice = otrs.dice
    sender = dice.choice(["customer", "customer", "agent", "system"])
    otrs.add_article(ticket, sender, is_visible=dice.random() < 0.8, with_file=dice.random() < 0.2)


def _edit_an_article(otrs: LittleOtrs, article: Article, earlier: dict[int, list[str]]) -> None:
    """To a new text, or back to one that it had."""
    had = earlier.setdefault(article.number, [])
    back = [text for text in had if text != article.text]
    text = otrs.dice.choice(back) if back and otrs.dice.random() < 0.5 else otrs.word()
    had.append(article.text)
    otrs.edit(article, text)


def _random_edits(otrs: LittleOtrs, earlier: dict[int, list[str]]) -> None:
    dice = otrs.dice
    alive = [ticket for ticket in otrs.tickets.values() if ticket.state not in {"removed", "merged"}]
    ticket_edits: list[Callable[[Ticket], None]] = [
        lambda ticket: otrs.change_ticket(ticket, state=dice.choice(["open", "new", "closed successful"]), until=0),
        lambda ticket: otrs.change_ticket(ticket, state="pending reminder", until=dice.choice([FUTURE, 1_700_000_000])),
        lambda ticket: otrs.change_ticket(ticket, queue=dice.choice(list(QUEUES))),
        lambda ticket: otrs.change_ticket(ticket, owner=dice.choice(list(OWNERS))),
        lambda ticket: otrs.change_ticket(ticket, priority=dice.choice(list(PRIORITIES))),
        lambda ticket: otrs.change_ticket(ticket, sla=dice.choice(list(SLAS))),
        lambda ticket: otrs.change_ticket(ticket, title=f"Title {dice.randrange(3)} of {ticket.number}"),
        lambda ticket: _new_article(otrs, ticket),
        lambda ticket: _new_article(otrs, ticket),
    ]
    article_edits: list[Callable[[Article], None]] = [
        lambda article: _edit_an_article(otrs, article, earlier),
        lambda article: _edit_an_article(otrs, article, earlier),
        lambda article: otrs.show(article, is_visible=not article.is_visible),
        lambda article: otrs.remove_file(article) if article.file else otrs.add_file(article),
        otrs.delete,
        lambda article: otrs.move(article, dice.choice(alive)),
    ]
    for ticket in alive:
        for _ in range(dice.randrange(4)):
            dice.choice(ticket_edits)(ticket)
        for article in otrs.of(ticket):
            if dice.random() < 0.25:
                dice.choice(article_edits)(article)
    for _ in range(4):
        merged, main = dice.sample([ticket for ticket in alive if ticket.state != "merged"], 2)
        otrs.merge(merged, main)
    otrs.change_ticket(dice.choice([ticket for ticket in alive if ticket.state != "merged"]), state="removed", until=0)
    for customer in dice.sample(list(otrs.customers.values()), 2):
        otrs.rename_login(customer, f"login{otrs.word()}")
    otrs.rename_company(dice.choice(list(otrs.customers.values())).company, f"company{otrs.word()}")
    for _ in range(4):
        _random_ticket(otrs)


# --- histories


class _Histories:
    """Fixed histories, told beside the random ones: one step of each in every round."""

    def __init__(self, otrs: LittleOtrs) -> None:
        self.otrs = otrs
        customer = otrs.customers[1]
        self.there_and_back = otrs.add_ticket(customer)
        self.first = otrs.add_article(self.there_and_back, "customer")
        self.second = otrs.add_article(self.there_and_back, "agent")
        self.a = (self.first.text, self.second.text)
        self.late = otrs.add_ticket(customer)
        self.older = otrs.add_ticket(customer)
        self.oldest = otrs.add_article(self.older, "customer")
        self.newer = otrs.add_article(self.late, "customer", with_file=True)
        self.chain = [otrs.add_ticket(customer) for _ in range(3)]
        for ticket in self.chain:
            otrs.add_article(ticket, "customer")
            otrs.add_article(ticket, "agent")
        self.empty = otrs.add_ticket(customer)
        # not loaded at first, so that its article is new to the conversation that gets it
        otrs.change_ticket(self.older, state="removed")

    def step(self, number: int) -> None:
        """Do what happens before the n-th load after the first."""
        otrs = self.otrs
        back = number % 2 == 0
        otrs.change_ticket(
            self.there_and_back,
            state="open" if back else "closed successful",
            priority=3 if back else 5,
            sla=1 if back else None,
            queue=5 if back else 8,
            owner=2 if back else 1,
        )
        for article, text in zip((self.first, self.second), self.a, strict=True):
            otrs.edit(article, text if back else otrs.word())
        if number == 1:
            otrs.move(self.oldest, self.late)
            otrs.merge(self.chain[0], self.chain[1])
            otrs.add_article(self.chain[1], "customer")
        if number == 2:
            otrs.merge(self.chain[1], self.chain[2])
            otrs.add_article(self.empty, "customer")
            otrs.delete(self.newer)


def test_the_workspace_follows_whatever_happens_in_otrs(migration: Migration) -> None:
    otrs = migration.otrs
    histories = _Histories(otrs)
    otrs.change_ticket(histories.there_and_back, sla=1)
    fixed = set(otrs.tickets)
    earlier: dict[int, list[str]] = {}
    for _ in range(TICKETS):
        _random_ticket(otrs)
    assert migration.carry_over() > TICKETS
    migration.check()
    for number in range(1, ROUNDS + 1):
        histories.step(number)
        set_aside = {key: otrs.tickets.pop(key) for key in fixed}
        _random_edits(otrs, earlier)
        otrs.tickets.update(set_aside)
        migration.carry_over()
        migration.check()
    # edited there and back, an even number of times
    assert migration.wanted.conversations[histories.there_and_back.number].messages[-2:] == [
        Message("contact", (histories.a[0],)),
        Message("teammate", (histories.a[1],)),
    ]
    # the answer that arrived late, with a lower id, follows what was there
    assert migration.wanted.conversations[histories.late.number].messages[-1].words == (histories.oldest.text,)
    [(continued,)] = migration.rows("select count(*) from intercom.conversations where chunk > 1")
    assert continued > ROUNDS
    migration.verify()
