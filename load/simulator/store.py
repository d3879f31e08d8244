"""The workspace's content in one SQLite file.

Each request is one transaction, committed before the answer leaves, so that a client or a simulator that is
killed leaves whole records only. `synchronous` is off: a power cut may lose a rehearsal, a killed process may
not.
"""

import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from load.simulator import content

SCHEMA = """
create table if not exists admins (
    id integer primary key, name text not null, email text not null unique collate nocase
);
create table if not exists teams (id integer primary key, name text not null unique);
create table if not exists team_members (team_id integer, admin_id integer, primary key (team_id, admin_id));
create table if not exists tags (id integer primary key, name text not null unique collate nocase);
create table if not exists data_attributes (
    id integer primary key, model text not null, name text not null, description text, data_type text not
    null, options text not null, messenger_writable integer not null, archived integer not null, created_at
    integer not null, updated_at integer not null
);
create table if not exists conversation_attributes (
    id integer primary key, name text not null, description text, data_type text not null,
    required integer not null, multiline integer not null, options text not null, visible_to_team_ids text not
    null, archived integer not null, created_at integer not null, updated_at integer not null
);
create table if not exists companies (
    number integer primary key autoincrement, id text unique, company_id text unique, name text, plan text,
    size integer, website text, industry text, monthly_spend integer, remote_created_at integer,
    custom_attributes text not null, created_at integer not null, updated_at integer not null
);
create table if not exists companies_in_archival (id text primary key, since real not null) without rowid;
create table if not exists contacts (
    number integer primary key autoincrement, id text unique, external_id text, role text not null,
    email text collate nocase, phone text, name text, avatar text, owner_id integer, email_verified integer,
    unsubscribed_from_emails integer not null default 0, signed_up_at integer, last_seen_at integer,
    last_replied_at integer, last_contacted_at integer, custom_attributes text not null,
    archived integer not null default 0, deleted integer not null default 0,
    created_at integer not null, updated_at integer not null, changed real not null
);
create index if not exists contacts_external_id on contacts (external_id);
create index if not exists contacts_email on contacts (email);
create table if not exists contact_companies (
    contact_id text, company_id text, primary key (contact_id, company_id)
) without rowid;
create index if not exists company_contacts on contact_companies (company_id);
create table if not exists contact_tags (
    contact_id text, tag_id integer, applied_at integer, primary key (contact_id, tag_id)
) without rowid;
create table if not exists company_tags (
    company_id text, tag_id integer, primary key (company_id, tag_id)
) without rowid;
create table if not exists conversations (
    id integer primary key autoincrement, contact_id text not null, body text not null, title text,
    state text not null, read integer not null default 0, snoozed_until integer, waiting_since integer,
    admin_assignee_id integer not null default 0, team_assignee_id integer not null default 0,
    company_id text, custom_attributes text not null, dated integer not null,
    created_at integer not null, updated_at integer not null, changed real not null,
    count_reopens integer not null default 0, count_assignments integer not null default 0,
    last_close_at integer, last_closed_by_id text, last_admin_reply_at integer, last_contact_reply_at integer
);
create index if not exists conversations_contact on conversations (contact_id);
create table if not exists participants (
    conversation_id integer, contact_id text, primary key (conversation_id, contact_id)
);
create index if not exists participants_contact on participants (contact_id);
create table if not exists conversation_tags (
    conversation_id integer, tag_id integer, applied_at integer, admin_id integer,
    primary key (conversation_id, tag_id)
) without rowid;
create table if not exists parts (
    id integer primary key autoincrement, conversation_id integer not null, part_type text not null, body
    text, is_html integer not null, author_type text not null, author_id text not null, assigned_type text,
    assigned_id text, event text, state text not null, origin text not null, dated integer not null,
    created_at integer not null, updated_at integer not null
);
create index if not exists parts_conversation on parts (conversation_id, id);
create table if not exists attachments (
    id integer primary key autoincrement, conversation_id integer not null, part_id integer, token text not
    null, name text not null, content_type text not null, size integer, sha256 text, url text, content blob
);
create index if not exists attachments_conversation on attachments (conversation_id, part_id);
create table if not exists deleted_conversations (
    id integer primary key, metrics_retained integer not null, deleted_at integer not null
);
create table if not exists collections (
    id integer primary key autoincrement, name text not null, description text, parent_id integer,
    created_at integer not null, updated_at integer not null
);
create table if not exists articles (
    id integer primary key autoincrement, title text not null, description text not null, body text not null,
    author_id integer not null, state text not null, parent_id integer,
    created_at integer not null, updated_at integer not null
);
create table if not exists requests (
    id integer primary key autoincrement, at real not null, method text not null, template text not null,
    path text not null, kind text not null, status integer not null, accepted integer not null, fault text
);
"""

#: Where numbering starts: as large as real ids are, and different per kind, so that mixed-up ids are noticed.
FIRST_IDS = {
    "conversations": 500,
    "parts": 100_000,
    "attachments": 1,
    "contacts": 1,
    "companies": 1,
    "collections": 6_871_100,
    "articles": 9_310_000,
}
FIRST_ADMIN_ID, FIRST_TEAM_ID, FIRST_TAG_ID, FIRST_ATTRIBUTE_ID = 991_267_459, 5_017_691, 86, 12

#: The teammate whom every token acts for; there is none without one.
TOKEN_OWNER = ("Migration", "migration@example.com")

_COUNTED = {
    "admins": "select count(*) from admins",
    "teams": "select count(*) from teams",
    "tags": "select count(*) from tags",
    "data_attributes": "select count(*) from data_attributes where not archived",
    "conversation_attributes": "select count(*) from conversation_attributes where not archived",
    "companies": "select count(*) from companies",
    "contacts": "select count(*) from contacts where not deleted",
    "memberships": "select count(*) from contact_companies",
    "conversations": "select count(*) from conversations",
    "parts": "select count(*) from parts",
    "participants": "select count(*) from participants",
    "conversation_tags": "select count(*) from conversation_tags",
    "attachments": "select count(*) from attachments",
    "collections": "select count(*) from collections",
    "articles": "select count(*) from articles",
    "requests": "select count(*) from requests",
    "throttled": "select count(*) from requests where status = 429",
}


class Workspace:
    """One simulated workspace. Usable from several threads; several processes may read it at the same time.

    Args:
        path: the SQLite file, made when missing; None makes a temporary one that `close` removes.
        clock: seconds since 1970, for what `seed` writes.
    """

    def __init__(self, path: str | Path | None = None, clock: Any = time.time) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="workspace-") if path is None else None
        self.path = Path(path) if path is not None else Path(str(self._folder and self._folder.name)) / "w.sqlite"
        self._clock = clock
        self._lock = threading.RLock()
        self._writer = self._connect()
        with self._lock:
            self._writer.execute("pragma journal_mode = wal")
            self._writer.executescript(SCHEMA)
        with self.transaction() as tx:
            for table, first in FIRST_IDS.items():
                tx.execute(
                    "insert into sqlite_sequence (name, seq) select ?, ? where not exists"
                    " (select 1 from sqlite_sequence where name = ?)",
                    (table, first - 1, table),
                )
            if tx.execute("select 1 from admins").fetchone() is None:
                tx.execute("insert into admins values (?, ?, ?)", (FIRST_ADMIN_ID, *TOKEN_OWNER))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma synchronous = off")
        connection.execute("pragma temp_store = memory")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: committed at the end, rolled back on any exception."""
        with self._lock:
            self._writer.execute("begin immediate")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("rollback")
                raise
            self._writer.execute("commit")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own that sees what is committed, also while the server works."""
        connection = self._connect()
        try:
            connection.execute("begin")
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        """Closes the file; a temporary one is removed."""
        with self._lock:
            self._writer.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def seed(
        self,
        admins: Iterable[Mapping[str, Any]] = (),
        teams: Iterable[Mapping[str, Any]] = (),
        contacts: Iterable[Mapping[str, Any]] = (),
        attributes: Iterable[Mapping[str, Any]] = (),
        tags: Iterable[Mapping[str, Any]] = (),
    ) -> dict[str, dict[str, str]]:
        """Puts in what a person would have set up by hand. What is there already stays and keeps its id.

        Args:
            admins: {"name", "email"}; known by e-mail.
            teams: {"name", "admins": [e-mail, ...]}; known by name. "admins" may be left out.
            contacts: fields of POST /contacts; known by external_id, else by e-mail.
            attributes: {"name", "model": "contact" | "company" | "conversation", "data_type", "options":
                [text, ...]}; known by model and name. The model is conversation and the type string unless
                given.
            tags: {"name"}; known by name.

        Returns:
            The ids as the API gives them, by kind: {"admins": {email: id}, "teams": {name: id}, "contacts":
            {external_id or email: id}, "attributes": {"model/name": id}, "tags": {name: id}}.
        """
        now = int(self._clock())
        ids: dict[str, dict[str, str]] = {
            "admins": {},
            "teams": {},
            "contacts": {},
            "attributes": {},
            "tags": {},
        }
        with self.transaction() as tx:
            for admin in admins:
                ids["admins"][admin["email"]] = str(content.put_admin(tx, admin["name"], admin["email"]))
            for team in teams:
                ids["teams"][team["name"]] = str(content.put_team(tx, team["name"], team.get("admins", ())))
            for tag in tags:
                ids["tags"][tag["name"]] = str(content.put_tag(tx, tag["name"]))
            for attribute in attributes:
                key = f"{attribute.get('model', 'conversation')}/{attribute['name']}"
                ids["attributes"][key] = str(content.put_attribute(tx, attribute, now))
            for contact in contacts:
                key = str(contact.get("external_id") or contact.get("email"))
                ids["contacts"][key] = content.put_contact(tx, contact, now)
        return ids

    def log(self, tx: sqlite3.Connection, entry: Mapping[str, Any]) -> None:
        """Notes a request: at, method, template, path, kind, status, accepted, fault."""
        tx.execute(
            "insert into requests (at, method, template, path, kind, status, accepted, fault)"
            " values (:at, :method, :template, :path, :kind, :status, :accepted, :fault)",
            entry,
        )

    def counts(self) -> dict[str, int]:
        """How many of each object there are, how many requests came and how many met the rate limit."""
        with self.reading() as tx:
            return {name: tx.execute(query).fetchone()[0] for name, query in _COUNTED.items()}

    def accepted_writes(self) -> dict[tuple[str, str], int]:
        """Accepted writes by method and path template; searches and lists sent by POST are reads."""
        with self.reading() as tx:
            rows = tx.execute(
                "select method, template, count(*) from requests where accepted group by 1, 2 order by 1, 2"
            )
            return {(row[0], row[1]): row[2] for row in rows}

    def requests(self) -> list[dict[str, Any]]:
        """The log of requests, oldest first."""
        with self.reading() as tx:
            return [dict(row) for row in tx.execute("select * from requests order by id")]

    def dump(self, *, import_time_parts: bool = True) -> Iterator[dict[str, Any]]:
        """The content as records that are equal when two workspaces hold the same, in a fixed order.

        Ids are replaced by what they stand for (external id or e-mail, e-mail of a teammate, name of a team
        or tag, company_id); times that a client did not give are None.

        Args:
            import_time_parts: False leaves out the parts that Intercom dates itself (state, assignment,
                attributes).

        Yields:
            {"object": "attribute" | "tag" | "company" | "contact" | "conversation" | "collection" | "article", ...}.
        """
        with self.reading() as tx:
            records = list(content.records(tx, import_time_parts=import_time_parts))
        yield from sorted(records, key=lambda record: (record["object"], json.dumps(record, sort_keys=True)))
