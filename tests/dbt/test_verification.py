"""Whatever is changed in Intercom after a load, `verify` names it: the field, how it differs, and nothing else."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from built_warehouse import Built, Dbt, change, rows

from load import silence
from load.client import Client
from load.engine import apply
from load.settings import IntercomSettings, Settings
from load.simulator import Options, Workspace, serve
from otrs2intercom.verify import Verification, targets_of, verify

Verdict = tuple[str, str, str | None, str, str, str | None]
"""Object, its key, part, field, status, rule."""

BEYOND = 7
"""Parts that Intercom does not show of the conversation that has too many."""


@dataclass
class Loaded:
    """A built plan that was loaded into a simulated workspace, and what came of its first verification."""

    settings: Settings
    workspace: Workspace
    dbt: Dbt
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    first: Any = None
    before: set[Verdict] = field(default_factory=set)

    def verify(self, **more: Any) -> Verification:
        """Verify as the command does, with dbt in this process."""

        def run(_settings: Settings, arguments: Sequence[str], *, quiet: bool = False) -> bool:
            assert quiet
            return set(self.dbt.run(_settings.warehouse, *arguments).values()) == {"success"}

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("otrs2intercom.transform.dbt", run)
            return verify(self.settings, workers=4, **more)

    def verdicts(self) -> set[Verdict]:
        """Return everything that differs, explained or not."""
        return set(
            rows(
                self.settings.warehouse,
                "select object, object_key, part_key, field, status, rule from reconciliation.verification"
                " where status != 'identical'",
            )
        )

    def change(self, sql: str, *values: Any) -> None:
        """Change one row of the workspace behind everybody's back."""
        with self.workspace.transaction() as tx:
            assert tx.execute(sql, values).rowcount == 1, sql

    def all(self, sql: str) -> list[Any]:
        """Read from the workspace."""
        with self.workspace.reading() as tx:
            return [tuple(row) for row in tx.execute(sql)]

    def key(self, kind: str, intercom_id: Any) -> str:
        """Return the plan's key of an object of the workspace."""
        if not self.keys:
            with closing(sqlite3.connect(self.settings.ledger)) as db:
                found = db.execute("select creates, intercom_id from settled where creates is not null")
                self.keys.update({(creates.split("/")[0], told): creates.split("/", 1)[1] for creates, told in found})
        return self.keys[kind, str(intercom_id)]


@pytest.fixture(scope="module")
def loaded(built: Built, dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Return the sample, loaded."""
    folder = tmp_path_factory.mktemp("verification")
    warehouse = built.copy(folder)
    people = rows(warehouse, "select id::bigint, name, email from raw_intercom.admins")
    teams = rows(warehouse, "select id::bigint, name from raw_intercom.teams")
    with Workspace(folder / "workspace.sqlite") as workspace:
        with workspace.transaction() as tx:  # with the ids that the plan was made with
            tx.execute("delete from admins")
            tx.executemany("insert into admins (id, name, email) values (?, ?, ?)", people)
            tx.executemany("insert into teams (id, name) values (?, ?)", teams)
        options = Options(rate_limit=10**6, parts_by_date=True, system_attributes={"AI Title": "Printer"})
        with serve(workspace, options) as served:
            intercom = IntercomSettings("made-up", served.base_url, "simulated", purpose="sandbox")
            settings = Settings(intercom, warehouse, folder / "ledger.sqlite")
            assert apply(settings, acknowledge=silence.ALL).exit_code == 0
            done = Loaded(settings, workspace, dbt)
            done.first = done.verify()
            done.before = done.verdicts()
            yield done


EXPLAINED = {"cleaned_html", "attribute_of_the_workspace", "datetime_is_listed_as_date"}
"""Rules that a load without faults needs."""


def test_a_load_without_faults_differs_by_named_rules_only(loaded: Loaded) -> None:
    result: Verification = loaded.first
    assert result.clean, result.differences
    assert (
        result.tickets
        == result.verified
        == rows(loaded.settings.warehouse, "select count(distinct otrs_ticket_id) from intercom.conversations")[0][0]
    )
    assert set(result.explained) <= EXPLAINED
    assert "attribute_of_the_workspace" in result.explained
    assert set(result.objects) == {
        *("conversation", "part", "file", "contact", "company", "tag", "collection", "article"),
        *("contact_attribute", "company_attribute", "conversation_attribute"),
    }
    assert result.files > 0
    assert {rule for *_, rule in loaded.before} == set(result.explained)


def test_after_a_selection_only_what_was_loaded_is_compared(loaded: Loaded) -> None:
    left_out = loaded.key("conversation", loaded.all("select max(id) from conversations")[0][0])
    lane = f"conversation/{left_out}"
    with closing(sqlite3.connect(loaded.settings.ledger)) as db:
        kept = db.execute("select * from settled where lane = ?", [lane]).fetchall()
        db.execute("delete from settled where lane = ?", [lane])
        db.commit()
        try:
            db.execute("update runs set selection = '{\"limit\": 39}'")
            db.commit()
            # What was taken back since is nothing that has to be there.
            columns = [column[1] for column in db.execute("pragma table_info(runs)")]
            run = dict(zip(columns, db.execute("select * from runs").fetchone(), strict=True))
            run |= {"run_id": "back", "plan_hash": "rollback: phase 7", "selection": None}
            run["started_at"] += 1
            db.execute(f"insert into runs values ({', '.join('?' * len(run))})", list(run.values()))
            db.commit()
            part = loaded.verify(with_files=False)
        finally:
            db.execute("delete from runs where run_id = 'back'")
            db.executemany(f"insert into settled values ({', '.join('?' * len(kept[0]))})", kept)
            db.execute("update runs set selection = null")
            db.commit()
    assert (part.clean, part.is_of_selection, part.planned - part.conversations) == (True, True, 1)


class Spoiler:
    """Changes one thing after another, each in another object, and notes what must be found."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.expected: set[Verdict] = set()
        self.used: dict[str, set[Any]] = {}
        self.moved_tag = 0

    def take(self, kind: str, sql: str) -> tuple[Any, ...]:
        """The first row, of which nothing was changed yet; its first column names the object."""
        used = self.used.setdefault(kind, set())
        row: tuple[Any, ...] = next(row for row in self.loaded.all(sql) if row[0] not in used)
        used.add(row[0])
        return row

    def expect(self, kind: str, key: str, name: str, status: str, rule: str | None = None, part: Any = None) -> None:
        """Note what `verify` must find."""
        self.expected.add((kind, key, part, name, status, rule))

    # --- conversations

    def conversation(self, where: str = "true") -> tuple[int, str]:
        """Choose a conversation."""
        [number] = self.take("conversation", f"select id from conversations where {where} order by id")
        return number, self.loaded.key("conversation", number)

    def set_field(self, column: str, value: str, name: str, status: str = "modified", where: str = "true") -> None:
        """Change a column of a conversation."""
        number, key = self.conversation(where)
        self.loaded.change(f"update conversations set {column} = {value} where id = ?", number)
        self.expect("conversation", key, name, status)

    def spoil_conversations(self) -> None:
        """Change a field of each kind."""
        number, key = self.conversation()
        self.loaded.change("delete from conversations where id = ?", number)
        self.expect("conversation", key, "exists", "missing")
        self.set_field("title", "'Another title'", "title")
        self.set_field("title", "null", "title", "missing")
        self.set_field("state", "'closed'", "state", where="state = 'open'")
        self.set_field("created_at", "created_at + 1", "created_at")
        self.set_field("body", "body || ' and more'", "body")
        self.set_field("team_assignee_id", "0", "team", where="team_assignee_id != 0")
        self.set_field("admin_assignee_id", "1", "teammate", where="admin_assignee_id not in (0, 1)")
        self.set_field("company_id", "null", "company", "missing", "company_id is not null")
        number, key = self.conversation()
        [stranger] = self.loaded.all(
            f"select max(id) from contacts where id != (select contact_id from conversations where id = {number})"
        )[0]
        self.loaded.change("update conversations set contact_id = ? where id = ?", stranger, number)
        self.expect("conversation", key, "author", "modified")
        number, key = self.conversation()
        stranger = self.loaded.all(
            f"select id from contacts where id not in (select contact_id from participants where conversation_id ="
            f" {number})"
        )[0][0]
        self.loaded.change("insert into participants values (?, ?)", number, stranger)
        self.expect("conversation", key, "participant", "added")
        for sql, status, rule in (
            ("json_set(custom_attributes, '$.\"OTRS priority\"', 'other')", "modified", None),
            ("json_remove(custom_attributes, '$.\"OTRS priority\"')", "missing", None),
            ("json_set(custom_attributes, '$.\"OTRS priority\"', null)", "missing", None),
        ):
            number, key = self.conversation("json_extract(custom_attributes, '$.\"OTRS priority\"') is not null")
            self.loaded.change(f"update conversations set custom_attributes = {sql} where id = ?", number)
            self.expect("conversation", key, "attribute OTRS priority", status, rule)
        number, key = self.conversation()
        self.loaded.change(
            "update conversations set custom_attributes = json_set(custom_attributes, '$.\"Made by a person\"', 1)"
            " where id = ?",
            number,
        )
        self.expect("conversation", key, "attribute Made by a person", "added", "attribute_of_the_workspace")
        number, key = self.conversation("json_extract(custom_attributes, '$.\"OTRS created\"') is not null")
        self.loaded.change(
            "update conversations set custom_attributes = json_set(custom_attributes, '$.\"OTRS created\"',"
            " strftime('%Y-%m-%dT%H:%M:%SZ', json_extract(custom_attributes, '$.\"OTRS created\"'), 'unixepoch'))"
            " where id = ?",
            number,
        )
        self.expect("conversation", key, "attribute OTRS created", "modified", "time_written_otherwise")
        number, key = self.conversation("id in (select conversation_id from conversation_tags)")
        self.moved_tag = tag = self.loaded.all(
            f"select tag_id from conversation_tags where conversation_id = {number}"
        )[0][0]
        self.loaded.change("delete from conversation_tags where conversation_id = ? and tag_id = ?", number, tag)
        self.expect("conversation", key, "tag", "missing")
        number, key = self.conversation(f"id not in (select conversation_id from conversation_tags where tag_id={tag})")
        self.loaded.change("insert into conversation_tags values (?, ?, 1, 1)", number, tag)
        self.expect("conversation", key, "tag", "added")

    # --- parts and files

    def part(self, where: str = "true") -> tuple[int, str, str]:
        """Choose a reply of a conversation with two or more, whose other replies stay."""
        number, part = self.take(
            "conversation",
            f"select conversation_id, max(id) from parts where origin = 'reply' and {where} and conversation_id in"
            " (select conversation_id from parts where origin = 'reply' group by 1 having count(*) > 1)"
            " group by 1 order by 1",
        )
        return part, self.loaded.key("conversation", number), self.loaded.key("part", part)

    def set_part(
        self, column: str, value: str, name: str, where: str = "true", rule: str | None = None
    ) -> tuple[str, str]:
        """Change a column of a reply."""
        number, key, part = self.part(where)
        self.loaded.change(f"update parts set {column} = {value} where id = ?", number)
        self.expect("part", key, name, "modified", rule, part)
        return key, part

    def spoil_parts(self) -> None:
        """Change a field of each kind."""
        number, key, part = self.part()
        self.loaded.change("delete from parts where id = ?", number)
        self.expect("part", key, "exists", "missing", part=part)
        self.expect("part", key, "number of parts", "modified")
        self.set_part("body", "'<p>Other words</p>'", "body")
        self.set_part("body", "replace(body, '<p>', ' <p > ')", "body", "body like '%<p>%'", "cleaned_html")
        self.set_part("part_type", "'comment'", "visibility", "part_type = 'note'")
        self.set_part("author_id", "'4'", "author", "author_type = 'admin' and author_id != '4'")
        self.set_part("created_at", "created_at + 1", "created_at")
        key, _ = self.set_part("created_at", "1", "created_at")
        self.expect("part", key, "order of parts", "modified", "order_of_times")
        number, key = self.conversation()
        self.loaded.change(
            "insert into parts (conversation_id, part_type, body, is_html, author_type, author_id, state, origin,"
            " dated, created_at, updated_at)"
            " values (?, 'note', '<p>Mine</p>', 1, 'admin', '1', 'open', 'reply', 1, 9, 9)",
            number,
        )
        self.expect("part", key, "exists", "added")

    def file(self, where: str = "true") -> tuple[int, str, str, str]:
        """Choose a file of a part that has one; returns its id, what it is called, conversation and part."""
        number, _, conversation, part = self.take(
            "file",
            "select max(id), name, conversation_id, part_id from attachments where part_id in (select id from parts)"
            " and conversation_id in (select id from conversations)"
            f" group by part_id having count(*) = 1 and {where} order by 1",
        )
        key = self.loaded.key("part", part)
        sql = f"select 'file ' || position from intercom.part_files where part_key = '{key}'"
        [[name]] = rows(self.loaded.settings.warehouse, sql)
        return number, name, self.loaded.key("conversation", conversation), key

    def set_file(
        self, column: str, value: str, name: str, *, status: str = "modified", rule: str | None = None
    ) -> None:
        """Change a column of a file."""
        number, file, key, part = self.file()
        self.loaded.change(f"update attachments set {column} = {value} where id = ?", number)
        self.expect("file", key, f"{name} of {file}", status, rule, part)

    def spoil_files(self) -> None:
        """Change a field of each kind; first that of which there are few."""
        number, name, key, part = self.file("name like '%\\_%' escape '\\'")
        self.loaded.change("update attachments set name = replace(name, '_', ' ') where id = ?", number)
        self.expect("file", key, f"name of {name}", "modified", "file_name_cleaned", part)
        number, name, key, part = self.file()
        self.loaded.change("delete from attachments where id = ?", number)
        self.expect("file", key, f"name of {name}", "missing", part=part)
        self.set_file("name", "'x.bin'", "name")
        self.set_file("size", "size + 1", "size")
        self.set_file("size", "null", "size", status="missing", rule="file_size_not_told")
        self.set_file("content_type", "'x/y'", "content type")
        self.set_file(
            "content_type", "upper(content_type) || '; a=b'", "content type", rule="content_type_written_otherwise"
        )
        self.set_file("content", "x'00'", "sha256")
        self.set_file("url", "'gopher://nowhere'", "sha256", status="missing", rule="file_not_fetched")
        self.set_file("content", "null", "sha256", status="missing")
        number, _, key, part = self.file()
        self.loaded.change(
            "insert into attachments (conversation_id, part_id, token, name, content_type, size, content)"
            " select conversation_id, part_id, 't', 'added.txt', 'text/plain', 1, x'41' from attachments where id = ?",
            number,
        )
        self.expect("file", key, "name of a further file", "added", part=part)

    # --- people

    def person(self, kind: str, where: str = "true") -> tuple[str, str]:
        """Choose a contact or company that no conversation is about to miss."""
        table = "contacts" if kind == "contact" else "companies"
        [number] = self.take(kind, f"select id from {table} where {where} order by number")
        return number, self.loaded.key(kind, number)

    def set_person(
        self, kind: str, column: str, value: str, status: str = "modified", rule: str | None = None, where: str = "true"
    ) -> None:
        """Change a column of a contact or company."""
        number, key = self.person(kind, where)
        table = "contacts" if kind == "contact" else "companies"
        self.loaded.change(f"update {table} set {column} = {value} where id = ?", number)
        self.expect(kind, key, column, status, rule)

    def spoil_people(self) -> None:
        """Change a field of each kind."""
        number, key = self.person("contact")
        self.loaded.change("update contacts set deleted = 1 where id = ?", number)
        self.expect("contact", key, "exists", "missing")
        self.set_person("contact", "name", "'Another'", where="name is not null")
        self.set_person("contact", "email", "'other@example.com'", where="email is not null")
        self.set_person("contact", "email", "upper(email)", rule="address_in_another_case", where="email is not null")
        self.set_person("contact", "email", "null", "missing", where="email is not null")
        self.set_person("contact", "external_id", "'other'")
        self.set_person("contact", "role", "'lead'", where="id not in (select contact_id from conversations)")
        self.set_person("contact", "phone", "'+4912'", where="phone is not null")
        self.set_person(
            "contact",
            "phone",
            "'(' || phone || ')'",
            rule="phone_written_otherwise",
            where="phone is not null",
        )
        self.set_person("contact", "signed_up_at", "1", where="signed_up_at is not null")
        where = "json_extract(custom_attributes, '$.\"otrs-login\"') is not null"
        number, key = self.person("contact", where)
        self.loaded.change(
            "update contacts set custom_attributes = json_set(custom_attributes, '$.\"otrs-login\"', 'x') where id = ?",
            number,
        )
        self.expect("contact", key, "attribute otrs-login", "modified")
        number, company = self.take("contact", "select contact_id, company_id from contact_companies order by 1")
        self.loaded.change("delete from contact_companies where contact_id = ? and company_id = ?", number, company)
        self.expect("contact", self.loaded.key("contact", number), "company", "missing")
        number, tag = self.take("contact", "select contact_id, tag_id from contact_tags order by 1")
        self.loaded.change("delete from contact_tags where contact_id = ? and tag_id = ?", number, tag)
        self.expect("contact", self.loaded.key("contact", number), "tag", "missing")
        self.set_person("company", "name", "'Another'")
        self.set_person("company", "website", "'https://example.com/x'", where="website is not null")
        self.set_person("company", "remote_created_at", "1", where="remote_created_at is not null")
        where = "json_extract(custom_attributes, '$.\"otrs-company-city\"') is not null"
        number, key = self.person("company", where)
        self.loaded.change(
            "update companies set custom_attributes = json_remove(custom_attributes, '$.\"otrs-company-city\"')"
            " where id = ?",
            number,
        )
        self.expect("company", key, "attribute otrs-company-city", "missing")

    # --- definitions and help centre

    def spoil_definitions(self) -> None:
        """Change a field of each kind."""
        attributes = self.loaded.all("select id, name from conversation_attributes where data_type = 'string'")
        for (number, name), (column, value, told, status) in zip(
            attributes,
            (
                ("data_type", "'integer'", "data_type", "modified"),
                ("description", "'Another'", "description", "modified"),
                ("archived", "1", "exists", "missing"),
            ),
            strict=False,
        ):
            self.loaded.change(f"update conversation_attributes set {column} = {value} where id = ?", number)
            self.expect("conversation_attribute", name, told, status)
        [number, name] = self.loaded.all("select id, name from data_attributes where model = 'contact'")[0]
        self.loaded.change("update data_attributes set description = null where id = ?", number)
        self.expect("contact_attribute", name, "description", "missing")
        [number, name] = self.loaded.all("select id, name from data_attributes where model = 'company'")[0]
        self.loaded.change("update data_attributes set name = upper(name) where id = ?", number)
        self.expect("company_attribute", name, "name", "modified", "attribute_name_in_another_case")
        [number, name] = self.loaded.all(
            f"select id, name from tags where name like 'SLA: %' and id != {self.moved_tag}"
        )[0]
        carriers = self.loaded.all(f"select conversation_id from conversation_tags where tag_id = {number}")
        self.loaded.change("update tags set name = upper(name) where id = ?", number)
        self.expect("tag", name, "name", "modified", "tag_in_another_case")
        for (conversation,) in carriers:
            key = self.loaded.key("conversation", conversation)
            self.expect("conversation", key, "tag", "modified", "tag_in_another_case")
        for table, kind, column in (
            ("articles", "help_centre_article", "title"),
            ("articles", "help_centre_article", "body"),
            ("articles", "help_centre_article", "state"),
            ("collections", "collection", "name"),
        ):
            [number] = self.take(table, f"select id from {table} order by id")
            self.loaded.change(f"update {table} set {column} = 'published' where id = ?", number)
            kind_read = "article" if table == "articles" else "collection"
            self.expect(kind_read, self.loaded.key(kind, number), column, "modified")


def _disturb(fetch: Callable[..., Any], reversed_one: str, longest: str) -> Callable[..., Any]:
    """What no change of the workspace brings about: another order, and more parts than are shown."""

    def disturbed(client: Client, path: str, query: dict[str, str] | None = None) -> Any:
        answer = fetch(client, path, query)
        if path == f"/conversations/{reversed_one}":
            answer["conversation_parts"]["conversation_parts"].reverse()
        if path == f"/conversations/{longest}":
            parts = answer["conversation_parts"]["conversation_parts"]
            del parts[:BEYOND]
        return answer

    return disturbed


def test_every_class_of_change_is_found_and_nothing_else(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    spoiler = Spoiler(loaded)
    spoiler.spoil_conversations()
    spoiler.spoil_parts()
    spoiler.spoil_files()
    spoiler.spoil_people()
    spoiler.spoil_definitions()
    many = "select conversation_id from parts where origin = 'reply' group by 1 having count(distinct created_at) > 2"
    reversed_one, _ = spoiler.conversation(f"id in ({many})")
    longest, _ = spoiler.conversation(f"id in ({many}) and id not in (select conversation_id from attachments)")
    monkeypatch.setattr(Client, "fetch", _disturb(Client.fetch, str(reversed_one), str(longest)))
    spoiler.expect("part", loaded.key("conversation", reversed_one), "order of parts", "modified")
    oldest = loaded.all(f"select id, origin from parts where conversation_id = {longest} order by created_at, id")
    for number, origin in oldest[:BEYOND]:
        if origin == "reply":
            key = loaded.key("part", number)
            owner = loaded.key("conversation", longest)
            spoiler.expect("part", owner, "exists", "missing", "beyond_the_newest_parts", key)
    result = loaded.verify()
    found = loaded.verdicts()
    # what was explained before and is gone with its object, or differs for another reason now
    missed, unexpected = spoiler.expected - found, found - spoiler.expected - loaded.before
    assert (missed, unexpected) == (set(), set())
    assert not result.clean
    # customers' words and names stay in the warehouse
    assert {name for difference in result.differences for name in difference} == {
        *("object", "object_key", "part_key", "intercom_id", "field", "status")
    }
    assert result.differing == sum(rule is None for *_, rule in found)
    assert {rule for *_, rule in found if rule} == set(result.explained)


def test_the_tables_name_every_rule_and_its_sentence(loaded: Loaded) -> None:
    warehouse = loaded.settings.warehouse
    [(differing, explained, without)] = rows(
        warehouse,
        "select (select count(*) from reconciliation.differences), count(*), count(*) filter (sentence is null)"
        " from reconciliation.explained_differences",
    )
    assert differing > 0
    assert explained > 0
    assert without == 0


def test_a_sample_is_the_same_each_time_and_looks_at_all_that_it_refers_to(loaded: Loaded) -> None:
    first = loaded.verify(sample=5, with_files=False)
    targets = rows(loaded.settings.warehouse, "from raw_intercom.read_back_targets order by all")
    assert rows(loaded.settings.warehouse, f"from ({targets_of(5, None)}) order by all") == targets
    assert (first.sample, first.conversations) == (5, 5)
    assert first.planned > 5
    assert first.files == 0
    kinds = {kind for kind, *_ in targets}
    assert kinds == {"conversation", "contact", "company", "collection", "article"}
    referred = rows(
        loaded.settings.warehouse,
        "select distinct author_key from intercom.conversation_parts where part_type = 'contact_comment' and"
        " conversation_key in (select object_key from raw_intercom.read_back_targets where object = 'conversation')",
    )
    assert {key for (key,) in referred} <= {key for kind, key, *_ in targets if kind == "contact"}


def test_what_the_plan_no_longer_names_is_explained_by_name(loaded: Loaded) -> None:
    warehouse = loaded.settings.warehouse
    [(key,)] = rows(
        warehouse,
        "select conversation_key from intercom.conversations order by conversation_key desc limit 1",
    )
    change(warehouse, f"delete from intercom.conversations where conversation_key = '{key}'")
    loaded.verify(with_files=False)
    assert ("conversation", key, None, "exists", "added", "planned_no_longer") in loaded.verdicts()
