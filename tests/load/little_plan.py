"""A small migration plan in a real DuckDB file, as a build would leave it: 2 companies, 5 contacts, 8 conversations."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from load.settings import IntercomSettings, Settings
from load.simulator import Workspace

WORKSPACE_ID = "wslittle"
ADMIN_EMAIL, OTHER_EMAIL = "ada@example.com", "bea@example.com"
TEAM = "Support"
START = 1_300_000_000
SNAPSHOT = START + 10 * 86_400 + 5_000
"""When the extract was made from which the plan is."""
PHASES = ("definitions", "companies", "contacts", "memberships", "conversations", "links", "help centre", "addresses")


@dataclass(frozen=True)
class Line:
    """A row of intercom.requests; hashes follow from the content unless they are given."""

    slot: str
    phase: int
    lane: str
    position: int
    kind: str
    method: str
    path: str
    payload: dict[str, Any]
    creates: str | None = None
    on_absent: str = "report"
    on_conflict: dict[str, Any] | None = None
    content: Any = None

    @property
    def content_hash(self) -> str:
        """Over what the row stands for."""
        return _hash(self.payload if self.content is None else self.content)


@dataclass
class Ids:
    """Ids of what a person set up in the workspace."""

    admin: str
    other: str
    team: str


@dataclass
class LittlePlan:
    """The plan's lines and files; change them and write the warehouse again."""

    lines: list[Line]
    files: dict[str, bytes] = field(default_factory=dict)
    mapping_hash: str = "m"
    workspace_id: str = WORKSPACE_ID

    def change(self, slot: str, **fields: Any) -> None:
        """Replace fields of a line."""
        (old,) = [line for line in self.lines if line.slot == slot]
        self.lines[self.lines.index(old)] = replace(old, **fields)

    def keep_outside(self, key: str, content: bytes) -> Path:
        """Add a file that is kept outside Intercom; returns its path there."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = Path(sha256, "film.mov")
        slot = f"stored_file/{key}"
        payload = {"data": {"$file": key}, "size": len(content), "sha256": sha256}
        self.files[key] = content
        self.lines.append(Line(slot, 1, slot, 0, "file.store", "PUT", str(path), payload, None, "keep"))
        return path

    def drop(self, slot: str) -> None:
        """Remove a line."""
        self.lines = [line for line in self.lines if line.slot != slot]

    def write(self, path: Path, *, passed: bool = True, stale: bool = False) -> None:
        """Write the warehouse as a build would: tables, files, and the gate's record."""
        with duckdb.connect(str(path)) as db:
            db.begin()  # one commit, not one per row
            for schema in ("intercom", "reconciliation"):
                db.execute(f"create schema if not exists {schema}")
            db.execute(
                "create or replace table intercom.requests (slot varchar, content_hash varchar, payload_hash varchar,"
                " phase integer, lane varchar, position bigint, kind varchar, method varchar, path varchar,"
                " payload json, on_conflict_payload json, creates varchar, on_absent varchar, source_table varchar,"
                " source_id varchar)"
            )
            db.execute("create or replace table intercom.phases (phase integer, name varchar)")
            _insert(db, "intercom.phases", [{"phase": at, "name": name} for at, name in enumerate(PHASES, start=1)])
            _insert(
                db,
                "intercom.requests",
                [
                    {
                        "slot": line.slot,
                        "content_hash": line.content_hash,
                        "payload_hash": _hash(line.payload),
                        "phase": line.phase,
                        "lane": line.lane,
                        "position": line.position,
                        "kind": line.kind,
                        "method": line.method,
                        "path": line.path,
                        "payload": json.dumps(line.payload),
                        "on_conflict_payload": None if line.on_conflict is None else json.dumps(line.on_conflict),
                        "creates": line.creates,
                        "on_absent": line.on_absent,
                        "source_table": "lines",
                        "source_id": line.slot,
                    }
                    for line in self.lines
                ],
            )
            self._write_selectable(db)
            db.execute("create or replace table intercom.part_files (file_key varchar, part_key varchar, size bigint)")
            db.execute("create or replace table intercom.stored_files (file_key varchar, size bigint)")
            db.execute("create or replace table intercom.contents (file_key varchar, content blob)")
            for key, content in self.files.items():
                stored = any(line.kind == "file.store" and key in json.dumps(line.payload) for line in self.lines)
                if stored:
                    db.execute("insert into intercom.stored_files values (?, ?)", [key, len(content)])
                else:
                    db.execute("insert into intercom.part_files values (?, ?, ?)", [key, key, len(content)])
                db.execute("insert into intercom.contents values (?, ?)", [key, content])
            db.execute("create or replace view intercom.file_contents as select * from intercom.contents")
            db.execute(
                "create or replace view intercom.plan_hash as select sha256(coalesce(string_agg(slot || content_hash ||"
                " payload_hash, '' order by slot), '')) as plan_hash from intercom.requests"
            )
            db.execute(
                "create table if not exists reconciliation.gate (invocation_id varchar, checked_at timestamp,"
                " generation bigint, passed boolean, tests_in_manifest integer, tests_passed integer,"
                " plan_hash varchar, mapping_hash varchar, blockers varchar, workspace_id varchar)"
            )
            number = db.execute("select count(*) from reconciliation.gate").fetchone()
            at = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(seconds=(number or (0,))[0])
            db.execute(
                "insert into reconciliation.gate select ?, ?, 1, ?, 1, ?, case when ? then 'other' else plan_hash end,"
                " ?, ?, ? from intercom.plan_hash",
                [
                    *(f"run-{number}", at, passed, int(passed), stale),
                    *(self.mapping_hash, "" if passed else "unmapped queues", self.workspace_id),
                ],
            )
            db.commit()

    def _write_selectable(self, db: duckdb.DuckDBPyConnection) -> None:
        """Write by what conversations can be chosen: `t3:2` continues `t3`, and every second one is the team Sales'."""
        db.execute(
            "create or replace table intercom.selectable_conversations (conversation_key varchar,"
            " first_conversation_key varchar, number varchar, team_name varchar, state varchar, created_at timestamp,"
            " snapshot_at timestamp)"
        )
        created = {line.lane: line.payload["created_at"] for line in self.lines if line.kind == "conversation.create"}
        states = {line.lane: line.payload["message_type"] for line in self.lines if line.kind == "conversation.state"}
        rows = []
        for lane, at in created.items():
            key = lane.removeprefix("conversation/")
            first = key.partition(":")[0]
            number = first.removeprefix("t")
            rows.append(
                {
                    "conversation_key": key,
                    "first_conversation_key": first,
                    "number": f"2011{number:0>6}",
                    "team_name": TEAM if number in "13579" else "Sales",
                    "state": {"close": "closed"}.get(states[lane], states[lane]),
                    "created_at": datetime.fromtimestamp(at, UTC).replace(tzinfo=None),
                    "snapshot_at": datetime.fromtimestamp(SNAPSHOT, UTC).replace(tzinfo=None),
                }
            )
        _insert(db, "intercom.selectable_conversations", rows)


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows at once: DuckDB plans each row of an `executemany` anew."""
    if rows:
        db.register("rows_to_insert", pa.Table.from_pylist(rows))
        db.execute(f"insert into {table} by name select * from rows_to_insert")
        db.unregister("rows_to_insert")


def seed(workspace: Workspace) -> Ids:
    """Put in what a person sets up before a load."""
    ids = workspace.seed(
        admins=[{"name": "Ada", "email": ADMIN_EMAIL}, {"name": "Bea", "email": OTHER_EMAIL}],
        teams=[{"name": TEAM, "admins": [ADMIN_EMAIL]}],
    )
    return Ids(ids["admins"][ADMIN_EMAIL], ids["admins"][OTHER_EMAIL], ids["teams"][TEAM])


def settings(folder: Path, base_url: str, **intercom: Any) -> Settings:
    """Settings for a run in a folder against a simulator."""
    told = {
        "search_lag": 0.0,
        "commit_grace": 0.0,
        "workspace_id": WORKSPACE_ID,
        "access_token": "made-up",
        "purpose": "sandbox",
        **intercom,
    }
    return Settings(IntercomSettings(base_url=base_url, **told), folder / "warehouse.duckdb", folder / "ledger.sqlite")


def little_plan(ids: Ids, *, tickets: Iterable[int] = range(1, 9)) -> LittlePlan:
    """Every kind of request at least once."""
    plan = LittlePlan([])
    add = plan.lines.append
    for name, data_type in (("Ticket number", "string"), ("Created", "datetime"), ("Priority", "string")):
        add(
            Line(
                f"conversation_attribute/{name}",
                1,
                f"conversation_attribute/{name}",
                0,
                "conversation_attribute.create",
                "POST",
                "/conversations/attributes",
                {"name": name, "data_type": data_type, "description": "from the old system"},
                f"conversation_attribute/{name}",
                "keep",
            )
        )
    add(
        Line(
            "data_attribute/contact/login",
            1,
            "data_attribute/contact/login",
            0,
            "data_attribute.create",
            "POST",
            "/data_attributes",
            {"name": "login", "model": "contact", "data_type": "string", "description": "x"},
            "data_attribute/contact/login",
            "keep",
        )
    )
    for name in ("SLA: Gold", "urgent"):
        payload = {"name": name}
        key = f"tag/{name}"
        add(Line(key, 1, key, 0, "tag.create", "POST", "/tags", payload, key, "keep"))
    for number in (1, 2):
        key = f"company/c{number}"
        payload = {"company_id": f"c{number}", "name": f"Company {number}"}
        add(Line(key, 2, key, 0, "company.upsert", "POST", "/companies", payload, key, "keep"))
    for number in range(1, 6):
        add(_contact(number))
        slot = f"contact/u{number}/company/c{number % 2 + 1}"
        add(
            Line(
                slot,
                4,
                slot,
                0,
                "contact.company",
                "POST",
                f"/contacts/{{contact/u{number}}}/companies",
                {"id": {"$ref": f"company/c{number % 2 + 1}"}},
                None,
                "undo",
            )
        )
    for number in tickets:
        plan.lines.extend(_conversation(number, ids, plan.files))
    plan.lines.extend(_help_centre(ids))
    return plan


KNOWN_CONTACT, KNOWN_COMPANY, KNOWN_TAG, KNOWN_ATTRIBUTE = "contact/u1", "company/c1", "tag/SLA: Gold", "Priority"


def know(workspace: Workspace) -> None:
    """Put in what a person had made before the load: a contact, a tag and a definition that the plan has, too."""
    workspace.seed(
        contacts=[{"role": "user", "external_id": "older", "email": "person1@example.com", "name": "Known before"}],
        tags=[{"name": KNOWN_TAG.removeprefix("tag/")}],
        attributes=[{"name": KNOWN_ATTRIBUTE, "data_type": "string"}],
    )


KNOWN_COMPANY_AS_IT_WAS = {"company_id": "c1", "name": "Known before"}


def whole_plan(ids: Ids) -> LittlePlan:
    """Every kind of request, and every way to settle it, with one conversation; see `know` for what is adopted."""
    plan = little_plan(ids, tickets=range(8, 9))
    for number in (2, 3):
        plan.drop(f"contact/u{number}")
        plan.drop(f"contact/u{number}/company/c{number % 2 + 1}")
    plan.change(KNOWN_COMPANY, on_conflict={"name": "Company 1"})
    for contact, tag in (("u1", "SLA: Gold"), ("u4", "urgent")):
        slot = f"contact/{contact}/tag/{tag}"
        payload = {"id": {"$ref": f"tag/{tag}"}}
        path = f"/contacts/{{contact/{contact}}}/tags"
        plan.lines.append(Line(slot, 4, slot, 0, "contact.tag", "POST", path, payload, None, "undo"))
    plan.keep_outside("film", b"moving" * 1000)
    (held,) = (line for line in plan.lines if line.slot == "contact/u5")
    address = {"email": held.payload["email"]}
    plan.change(held.slot, payload={name: value for name, value in held.payload.items() if name != "email"})
    slot, path = f"{held.slot}/email", f"/contacts/{{{held.slot}}}"
    plan.lines.append(Line(slot, 8, slot, 0, "contact.email", "PUT", path, address, None, "keep"))
    return plan


def change_of_mind(plan: LittlePlan) -> None:
    """What a later build wants otherwise: all that can be taken back, and a contact with another name."""
    for slot in (
        "contact/u5/company/c2",
        "contact/u4/tag/urgent",
        "conversation/t8/tag/urgent",
        "conversation/t8/participant/contact/u5",
    ):
        plan.drop(slot)
    (contact,) = (line for line in plan.lines if line.slot == "contact/u4")
    plan.change(contact.slot, payload={**contact.payload, "name": "Renamed"})


def _help_centre(ids: Ids) -> list[Line]:
    """A collection in a collection, both of the same name, and two articles of the same title."""
    path = "/help_center/collections"
    outer, inner = "collection/s0", "collection/s1"
    payloads: dict[str, dict[str, Any]] = {
        outer: {"name": "Services"},
        inner: {"name": "Services", "description": "Ours", "parent_id": {"$ref": outer}},
    }
    lines = [
        Line(key, 7, "help_centre", place, "collection.create", "POST", path, payload, key)
        for place, (key, payload) in enumerate(payloads.items())
    ]
    for number, parent in enumerate((outer, inner), start=1):
        key = f"article/s{number}"
        article = {
            "title": "E-Mail",
            "body": f"<p>Service {number}</p>",
            "author_id": int(ids.admin),
            "state": "draft",
            "parent_id": {"$ref": parent, "as": "integer"},
            "parent_type": "collection",
        }
        lines.append(Line(key, 7, "help_centre", 10 + number, "article.create", "POST", "/articles", article, key))
    return lines


def _contact(number: int) -> Line:
    key = f"contact/u{number}"
    payload = {
        "role": "user",
        "external_id": f"u{number}",
        "email": f"person{number}@example.com",
        "name": f"Person {number}",
        "custom_attributes": {"login": f"u{number}"},
    }
    on_conflict = {"name": f"Person {number}", "custom_attributes": {"login": f"u{number}"}}
    return Line(key, 3, key, 0, "contact.upsert", "POST", "/contacts", payload, key, "keep", on_conflict)


def _conversation(number: int, ids: Ids, files: dict[str, bytes]) -> list[Line]:
    lane = f"conversation/t{number}"
    at = START + number * 1000
    contact = f"contact/u{number % 5 + 1}"
    path = f"/conversations/{{{lane}}}"
    lines: list[Line] = []

    def add(slot: str, kind: str, method: str, where: str, payload: dict[str, Any], **more: Any) -> None:
        lines.append(Line(slot, 5, lane, len(lines), kind, method, where, payload, **more))

    add(
        lane,
        "conversation.create",
        "POST",
        "/conversations",
        {"from": {"type": "user", "id": {"$ref": contact}}, "body": f"Question {number} & <more>", "created_at": at},
        creates=lane,
    )
    second = f"contact/u{(number + 1) % 5 + 1}"
    if number % 4 == 0:
        add(
            f"{lane}/participant/{second}",
            "conversation.participant",
            "POST",
            f"{path}/customers",
            {"admin_id": ids.admin, "customer": {"intercom_user_id": {"$ref": second}}},
            on_absent="undo",
        )
    for part in range(1, 4):
        key = f"part/a{number}-{part}"
        payload: dict[str, Any] = {
            "message_type": ("comment", "note", "comment")[part - 1],
            "type": "admin",
            "admin_id": ids.admin,
            "body": f"<p>Answer <b>{part}</b> of {number}</p><div>with a division</div>",
            "created_at": at + part * 60,
            "skip_notifications": True,
        }
        if part == 3:
            payload = {
                "message_type": "comment",
                "type": "user",
                "intercom_user_id": {"$ref": second if number % 4 == 0 else contact},
                "body": f"Thanks for {number} < \n & > done",
                "created_at": at + part * 60,
            }
        if part == 2 and number % 2 == 0:
            file = f"file/{number}"
            files[file] = bytes(range(256)) * number
            payload["attachment_files"] = [
                {"content_type": "application/octet-stream", "name": f"log {number}.bin", "data": {"$file": file}}
            ]
        add(f"{lane}/{key}", "conversation.reply", "POST", f"{path}/reply", payload, creates=key)
    add(f"{lane}/title", "conversation.attribute", "PUT", path, {"title": f"Title {number}"})
    for name, value in (("Ticket number", f"2011{number:06}"), ("Created", at), ("Priority", "3 normal")):
        add(
            f"{lane}/attribute/{name}",
            "conversation.attribute",
            "PUT",
            path,
            {"custom_attributes": {name: value}},
        )
    add(
        f"{lane}/company",
        "conversation.attribute",
        "PUT",
        path,
        {"company_id": {"$ref": f"company/c{(number % 5 + 1) % 2 + 1}"}},
    )
    add(
        f"{lane}/tag/urgent",
        "conversation.tag",
        "POST",
        f"{path}/tags",
        {"id": {"$ref": "tag/urgent"}, "admin_id": ids.admin},
        on_absent="undo",
    )
    for kind, assignee in (("team", ids.team), ("teammate", ids.other)):
        add(
            f"{lane}/{kind}",
            "conversation.assignment",
            "POST",
            f"{path}/parts",
            {
                "message_type": "assignment",
                "type": "team" if kind == "team" else "admin",
                "admin_id": ids.admin,
                "assignee_id": assignee,
            },
        )
    state: dict[str, Any] = {"message_type": "close", "type": "admin", "admin_id": ids.admin}
    if number % 3 == 0:
        state = {"message_type": "open", "admin_id": ids.admin}
    elif number % 3 == 1:
        state = {"message_type": "snoozed", "admin_id": ids.admin, "snoozed_until": 4_000_000_000}
    add(f"{lane}/state", "conversation.state", "POST", f"{path}/parts", state)
    return lines


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
