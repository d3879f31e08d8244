"""What the database account may do, and which tables cannot be part of a snapshot.

An account that may only SELECT suffices. One that may write is no danger to the source, since the session is
read-only, but a migration tool should not hold that key. An account that may not read everything is worse: what
it does not see would be missing without a word, so what can be known about that is said here.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extract.otrs.catalogue import NEW_ARTICLES, load_catalogue
from extract.otrs.snapshot import Snapshot

WRITES = frozenset(
    {
        "ALL",
        "ALL PRIVILEGES",
        "ALTER",
        "ALTER ROUTINE",
        "CREATE",
        "CREATE ROUTINE",
        "CREATE VIEW",
        "DELETE",
        "DELETE HISTORY",
        "DROP",
        "EVENT",
        "INDEX",
        "INSERT",
        "SUPER",
        "TRIGGER",
        "UPDATE",
    }
)
"""Privileges of MySQL and MariaDB that change data or tables."""

CORE = (
    *("ticket", "article", "queue", "users", "user_preferences", "customer_user", "customer_company", "groups"),
    *("ticket_state", "ticket_state_type", "ticket_priority", "ticket_type", "ticket_history", "valid"),
    *("article_sender_type", "dynamic_field", "dynamic_field_value", "sla", "service", "link_relation"),
)
"""Tables that every OTRS since 3.1, Znuny and OTOBO has."""

ARTICLES = {
    True: ("article_data_mime", "article_data_mime_attachment", "article_data_mime_plain", "communication_channel"),
    False: ("article_type", "article_attachment", "article_plain"),
}
"""Tables of the articles, by whether the articles are those of OTRS 6 and its forks."""

_GRANT = re.compile(
    r"GRANT (?P<rights>.+?) ON (?:TABLE )?(?P<database>`(?:[^`]|``)+`|\*)\.(?P<table>`(?:[^`]|``)+`|\*) TO "
)
_ROLE = re.compile(r"GRANT (?P<roles>[`'\"].+?|[^ ]+) TO ")
_QUOTED_ROLE = re.compile(r"`(?:[^`]|``)+`@`(?:[^`]|``)*`")


@dataclass(frozen=True)
class OutsideSnapshot:
    """A table that other transactions can change while the snapshot is read.

    Attributes:
        table: its name.
        kind: engine of the table (MyISAM, Aria, MEMORY, ...), `foreign table` or `view`.
        rows: in it; None for views and foreign tables, whose rows are elsewhere, and for what may not be read.
    """

    table: str
    kind: str
    rows: int | None


@dataclass(frozen=True)
class Account:
    """What the account may do in this database.

    Attributes:
        may_write: rights that change something, in words, e.g. `ALL PRIVILEGES on every database`.
        unreadable: tables that are seen and may not be read.
        missing: tables that such a database has and the account does not see.
        is_per_table: the rights were given table by table, so that on MySQL and MariaDB a table without any is
            not even listed by the server: `missing` is then all that can be known of it.
        outside_snapshot: tables without transactions, foreign tables, and views in the place of a table.
        advice: SQL that makes an account which may only read.
    """

    may_write: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    is_per_table: bool = False
    outside_snapshot: tuple[OutsideSnapshot, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Grants:
    """What the grants of MySQL or MariaDB say about one database.

    Attributes:
        may_write: rights that change something, in words.
        reads_all: SELECT holds for the whole database.
        readable: tables with SELECT of their own, in lower case.
        roles: roles that the account has, quoted as the server quotes them.
    """

    may_write: tuple[str, ...] = ()
    reads_all: bool = False
    readable: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()


def examine_account(snapshot: Snapshot) -> Account:
    """Ask the server what the account may do, and which tables are outside of any snapshot.

    Args:
        snapshot: the open snapshot; nothing but the server's own catalogue is read, and the rows of tables
            without transactions are counted.

    Raises:
        SourceError: the source failed.
    """
    missing = _missing(snapshot)
    if snapshot.dialect == "mysql":
        return _mysql(snapshot, missing)
    if snapshot.dialect == "postgresql":
        return _postgresql(snapshot, missing)
    return Account(missing=missing)


def read_grants(lines: Iterable[str], database: str) -> Grants:
    """Read the answer to SHOW GRANTS.

    Args:
        lines: one per grant. They hold the hash of the password: never show them.
        database: the one that counts; grants for others are passed over.
    """
    may_write: dict[str, None] = {}
    readable: set[str] = set()
    roles: list[str] = []
    reads_all = False
    for line in lines:
        found = _GRANT.match(line)
        if not found:
            if (role := _ROLE.match(line)) and " ON " not in role["roles"]:
                roles += _QUOTED_ROLE.findall(role["roles"]) or [role["roles"]]
            continue
        if not _covers(found["database"], database):
            continue
        table = _unquoted(found["table"])
        rights = _rights(found["rights"])
        place = _place(found["database"], table)
        writing = sorted(right for right in rights if right in WRITES)
        if writing:
            may_write[f"{', '.join(writing)} on {place}"] = None
        if {"SELECT", "ALL", "ALL PRIVILEGES"} & rights.keys():
            if table == "*":
                reads_all = True
            elif not rights.get("SELECT"):  # a right for some columns does not read the table
                readable.add(table.lower())
    return Grants(tuple(may_write), reads_all, frozenset(readable), tuple(roles))


def _rights(text: str) -> dict[str, bool]:
    """Return the privileges, each with whether it holds for named columns only."""
    return {
        right.strip().upper(): bool(columns) for right, columns in re.findall(r"([A-Za-z_ ]+)(\([^)]*\))?(?:,|$)", text)
    }


def _covers(pattern: str, database: str) -> bool:
    """Whether a grant's database, in which % and _ stand for anything, is this one."""
    if pattern == "*":
        return True
    parts = re.findall(r"\\.|%|_|[^\\%_]+", _unquoted(pattern))
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part) or re.escape(part.replace("\\", "", 1)) for part in parts)
    return re.fullmatch(expression, database, re.IGNORECASE | re.DOTALL) is not None


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _place(database: str, table: str) -> str:
    if table != "*":
        return f"table {table}"
    return "every database" if database == "*" else f"database {_unquoted(database)}"


def _mysql(snapshot: Snapshot, missing: tuple[str, ...]) -> Account:
    database = str(snapshot.scalar("select database()"))
    grants = _grants(snapshot, database)
    unreadable = () if grants.reads_all else tuple(t for t in snapshot.tables if t.lower() not in grants.readable)
    kinds = snapshot.rows(
        "select t.table_name, coalesce(t.engine, t.table_type) from information_schema.tables t"
        " left join information_schema.engines e on e.engine = t.engine"
        " where t.table_schema = database() and coalesce(e.transactions, 'NO') <> 'YES'"
        " and t.table_type in ('BASE TABLE', 'VIEW') order by t.table_name"
    )
    outside = [(str(name), "view" if str(kind).upper() == "VIEW" else str(kind)) for name, kind in kinds]
    named = database.replace("`", "``")
    return Account(
        may_write=grants.may_write,
        unreadable=unreadable,
        missing=missing,
        is_per_table=not grants.reads_all,
        outside_snapshot=_counted(snapshot, outside, unreadable),
        advice="CREATE USER 'otrs_reader'@'<this machine>' IDENTIFIED BY '<password>'; "
        f"GRANT SELECT ON `{named}`.* TO 'otrs_reader'@'<this machine>';",
    )


def _grants(snapshot: Snapshot, database: str) -> Grants:
    lines = [str(line) for (line,) in snapshot.rows("show grants")]
    grants = read_grants(lines, database)
    if grants.roles and "mariadb" not in snapshot.engine_version.lower():
        # MySQL lists what roles bring along only when they are named; MariaDB does it by itself.
        using = f"show grants for current_user() using {', '.join(grants.roles)}"
        grants = read_grants([str(line) for (line,) in snapshot.rows(using)], database)
    return grants


_POSTGRESQL_TABLES = """
select c.relname, c.relkind::text, has_table_privilege(c.oid, 'SELECT'),
    has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
from pg_class c
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'f', 'v', 'm')
order by c.relname
"""

_POSTGRESQL_ROLE = """
select current_schema()::text, rolsuper, has_schema_privilege(current_schema()::text, 'CREATE')
from pg_roles where rolname = current_user
"""


def _postgresql(snapshot: Snapshot, missing: tuple[str, ...]) -> Account:
    [(schema, is_super, may_create)] = list(snapshot.rows(_POSTGRESQL_ROLE))
    relations = [_Relation(*row) for row in snapshot.rows(_POSTGRESQL_TABLES)]
    tables = [relation for relation in relations if relation.name in snapshot.tables]
    written = [relation.name for relation in tables if relation.is_writable]
    may_write = ["everything, as a superuser"] if is_super else []
    if written and not is_super:
        more = f" and {len(written) - 1:,} more" if len(written) > 1 else ""
        may_write.append(f"INSERT, UPDATE, DELETE or TRUNCATE on table {written[0]}{more}")
    if may_create and not is_super:
        may_write.append(f"CREATE in schema {schema}")
    unreadable = tuple(relation.name for relation in tables if not relation.is_readable)
    kinds = {"f": "foreign table", "v": "view", "m": "view"}
    outside = [(relation.name, kinds[relation.kind]) for relation in relations if relation.kind in kinds]
    named = schema.replace('"', '""')
    return Account(
        may_write=tuple(may_write),
        unreadable=unreadable,
        missing=missing,
        is_per_table=bool(unreadable),
        outside_snapshot=_counted(snapshot, outside, unreadable),
        advice="CREATE ROLE otrs_reader LOGIN PASSWORD '<password>'; "
        f'GRANT USAGE ON SCHEMA "{named}" TO otrs_reader; '
        f'GRANT SELECT ON ALL TABLES IN SCHEMA "{named}" TO otrs_reader;',
    )


@dataclass(frozen=True)
class _Relation:
    name: str
    kind: str
    is_readable: bool
    is_writable: bool


def _counted(
    snapshot: Snapshot, outside: Sequence[tuple[str, str]], unreadable: Iterable[str]
) -> tuple[OutsideSnapshot, ...]:
    """Count the rows; of the views, keep those that stand where OTRS has a table."""
    catalogue = load_catalogue()
    known = {name for table in catalogue.tables for name in (table.name, *table.aliases)}
    uncounted = {*unreadable, *(name for name, kind in outside if kind in {"view", "foreign table"})}
    return tuple(
        OutsideSnapshot(name, kind, None if name in uncounted else snapshot.count(name))
        for name, kind in outside
        if kind != "view" or name.lower() in known
    )


def _missing(snapshot: Snapshot) -> tuple[str, ...]:
    article = {column.name for column in snapshot.tables.get("article", ())}
    is_new = NEW_ARTICLES in snapshot.tables or (bool(article) and "a_body" not in article)
    found = load_catalogue().resolve(set(snapshot.tables))
    return tuple(name for name in (*CORE, *ARTICLES[is_new]) if found[name] is None)
