"""The scope of a migration, from the source alone, before anything is read in earnest.

Each figure is one aggregate that the server computes inside the snapshot, so that a database of a million tickets
takes minutes and no memory here. The dear ones read a table from end to end once: articles of OTRS 5 and older,
and the attachments. What this database has not, or the account may not see, is named in `Scope.gaps` instead of
being shown as zero.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

from extract.errors import SourceError
from extract.otrs.article_files import ArticleFilesSurvey
from extract.otrs.catalogue import NEW_ARTICLES, load_catalogue
from extract.otrs.profile import SourceProfile
from extract.otrs.snapshot import Snapshot
from extract.otrs.support import Support, support_of

Answer = TypeVar("Answer")

SIZES = (
    ("0 bytes", 1),
    ("below 100 KiB", 100 * 1024),
    ("below 1 MiB", 1024**2),
    ("below 5 MiB", 5 * 1024**2),
    ("below 20 MiB", 20 * 1024**2),
    ("below 100 MiB", 100 * 1024**2),
    ("100 MiB and more", None),
)
"""Classes of file sizes: name, and the bytes below which a file belongs to it."""

VISIBLE_TYPES = {
    **dict.fromkeys(("email-external", "email-notification-ext", "note-external", "chat-external"), True),
    **dict.fromkeys(("phone", "fax", "sms", "webrequest"), True),
    **dict.fromkeys(
        ("email-internal", "email-notification-int", "note-internal", "note-report", "chat-internal"), False
    ),
}
"""Whether customers see the article types of OTRS 5 and older, as OTRS 6 took them over."""

MEASURED_UP_TO = 2 * 1024**3
"""Bytes of an attachment table whose files are measured one by one on MySQL and MariaDB.

They read a whole value to tell its length; PostgreSQL and SQLite know it without. Above that, `content_size` is
taken, which OTRS writes: it is text, missing in old rows, and now and then some bytes off.
"""


@dataclass(frozen=True)
class Used:
    """Something a ticket refers to: queue, SLA, service, type, priority.

    Attributes:
        name: as in OTRS.
        is_valid: may still be chosen.
        tickets: that refer to it.
    """

    name: str
    is_valid: bool
    tickets: int


@dataclass(frozen=True)
class Tickets:
    """Tickets by what decides about them. A year is that of OTRS's own time zone.

    Attributes:
        by_state_type: closed, open, pending reminder, ...
        archived: with the archive flag.
        reminders_due_later: pending ones whose time has not come yet.
    """

    total: int
    by_state_type: Mapping[str, int]
    by_year: Mapping[str, int]
    archived: int
    reminders_due_later: int


@dataclass(frozen=True)
class ArticleGroup:
    """Articles of one kind. In OTRS 5 and older the channel is the article type, which tells who sees them.

    Attributes:
        is_visible: customers see them; None for an article type that OTRS does not ship.
    """

    channel: str
    sender: str
    is_visible: bool | None
    articles: int


@dataclass(frozen=True)
class Threads:
    """What tickets that are not removed bring along; the figures behind an estimate of requests.

    Attributes:
        tickets: not removed.
        owned_by_agents: whose owner is not the system itself.
        with_sla: with an SLA.
        slas: different SLAs among them.
        articles: in them.
        begun_by_customers: whose first article is a customer's own.
        further_parts: further conversations for tickets with more articles than one takes.
        messages_for_files: further messages for files: of a first article by a customer, or more than one takes.
    """

    tickets: int
    owned_by_agents: int
    with_sla: int
    slas: int
    articles: int
    begun_by_customers: int
    further_parts: int
    messages_for_files: int


@dataclass(frozen=True)
class SizeClass:
    """Files within a range of sizes.

    Attributes:
        below: bytes, exclusive; None for the last.
    """

    name: str
    below: int | None
    files: int
    bytes: int


@dataclass(frozen=True)
class Attachments:
    """Attachments that are in the database. Bodies that OTRS keeps as attachments are among them.

    Attributes:
        files: rows.
        bytes: of all files.
        sizes: the same by size.
        without_size: files whose size is not known.
        bodies: files that are the HTML or plain body of their article.
        measured: how the sizes were found.
        mails: raw mails beside them.
    """

    files: int
    bytes: int
    sizes: tuple[SizeClass, ...]
    without_size: int
    bodies: int
    measured: str
    mails: int


@dataclass(frozen=True)
class DynamicField:
    """A dynamic field and how many of its objects have a value.

    Attributes:
        objects: records that could have a value; None for objects of packages that are not read.
        filled: records that have one.
    """

    name: str
    object_type: str
    field_type: str
    is_valid: bool
    is_shipped: bool
    objects: int | None
    filled: int

    @property
    def rate(self) -> float | None:
        """Share of objects with a value, 0 to 1."""
        return min(self.filled / self.objects, 1.0) if self.objects else None


@dataclass(frozen=True)
class Agents:
    """Agents, who become teammates by their address."""

    total: int
    valid: int
    without_address: int
    sharing_an_address: int


@dataclass(frozen=True)
class Customers:
    """Customers and companies of this database, and those who are not in it.

    Attributes:
        users, valid_users, companies, valid_companies: rows.
        memberships: customer and company pairs whose company exists.
        logins_outside: different customers of tickets who have no row in `customer_user`.
        tickets_outside: their tickets.
        logins_in_csv, tickets_in_csv: of these, the ones that OTRS__CUSTOMERS_CSV supplies.
        tickets_without_customer: tickets that name no customer at all.
    """

    users: int
    valid_users: int
    companies: int
    valid_companies: int
    memberships: int
    logins_outside: int
    tickets_outside: int
    logins_in_csv: int
    tickets_in_csv: int
    tickets_without_customer: int


@dataclass(frozen=True)
class Process:
    """A process and the tickets that stand in it."""

    name: str
    state: str
    tickets: int


@dataclass(frozen=True)
class Package:
    """An add-on package."""

    name: str
    version: str
    status: str


@dataclass(frozen=True)
class Scope:
    """What there is to migrate. None and empty where `gaps` says why.

    Attributes:
        gaps: name of a figure to the reason why it is not here.
        unknown_tables: tables with rows that this tool does not know, and their rows.
        others: rows of further tables, by what they hold.
    """

    product: str
    version: str
    version_evidence: str
    engine: str
    support: Support
    time_zone: str
    time_zone_evidence: str
    article_storage: str
    article_storage_evidence: str
    article_files: ArticleFilesSurvey | None
    tickets: Tickets | None
    articles: tuple[ArticleGroup, ...]
    attachments: Attachments | None
    dynamic_fields: tuple[DynamicField, ...]
    queues: tuple[Used, ...]
    slas: tuple[Used, ...]
    services: tuple[Used, ...]
    types: tuple[Used, ...]
    priorities: tuple[Used, ...]
    agents: Agents | None
    customers: Customers | None
    processes: tuple[Process, ...]
    config_items: Mapping[str, int]
    stats: int | None
    packages: tuple[Package, ...]
    unknown_tables: Mapping[str, int]
    others: Mapping[str, int]
    threads: Threads | None
    gaps: Mapping[str, str]


class NotHereError(SourceError):
    """The database has no such table or column, or the account does not see it."""


@dataclass(frozen=True)
class _Source:
    """The snapshot by canonical names."""

    snapshot: Snapshot
    names: Mapping[str, str | None]
    unreadable: frozenset[str]
    gaps: dict[str, str]

    def table(self, name: str) -> str:
        """Return the table's name in this database, quoted."""
        physical = self.names.get(name)
        if physical is None:
            raise NotHereError(f"there is no table {name} in this database")
        if physical in self.unreadable:
            raise NotHereError(f"the account may not read the table {physical}")
        return self.snapshot.quoted(physical)

    def has(self, name: str, column: str = "") -> bool:
        """Whether the table is there, and has the column."""
        physical = self.names.get(name)
        if physical is None or physical in self.unreadable:
            return False
        return not column or any(found.name == column for found in self.snapshot.tables[physical])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of an aggregate: few."""
        return list(self.snapshot.rows(sql))

    def numbers(self, sql: str) -> list[int]:
        """Return the one row of an aggregate as numbers, nothing being 0."""
        [row] = self.rows(sql)
        return [int(value or 0) for value in row]

    def ask(self, what: str, question: Callable[["_Source"], Answer]) -> Answer | None:
        """Answer a question; what cannot be answered becomes a gap, and the next question is asked all the same."""
        is_postgresql = self.snapshot.dialect == "postgresql"  # where an error would end the transaction
        if is_postgresql:
            self._run("savepoint question")
        try:
            return question(self)
        except SourceError as error:
            if is_postgresql:
                self._run("rollback to savepoint question")
            cause = str(error.__cause__ or error).splitlines()[0]
            self.gaps[what] = cause if isinstance(error, NotHereError) else f"could not be counted: {cause}"
            return None

    def _run(self, statement: str) -> None:
        with self.snapshot.connection.cursor() as cursor:
            cursor.execute(statement)


def discover(
    snapshot: Snapshot,
    profile: SourceProfile,
    *,
    unreadable: Iterable[str] = (),
    customers_csv: Callable[[], set[str]] | None = None,
    article_files: ArticleFilesSurvey | None = None,
    articles_at_most: int = 400,
    files_at_most: int = 10,
    measured_up_to: int = MEASURED_UP_TO,
) -> Scope:
    """Count what there is.

    Args:
        snapshot: the open snapshot.
        profile: what `detect` found.
        unreadable: tables that the account may not read.
        customers_csv: gives the logins of OTRS__CUSTOMERS_CSV in lower case, when there is one.
        article_files: survey of the files on disk, where OTRS keeps them there.
        articles_at_most: articles that one conversation takes.
        files_at_most: files that one message takes.
        measured_up_to: bytes of an attachment table whose values are read for their length on MySQL.
    """
    names = load_catalogue().resolve(set(snapshot.tables))
    source = _Source(snapshot, names, frozenset(unreadable), {})
    ask = source.ask
    return Scope(
        product=profile.product,
        version=profile.version,
        version_evidence=profile.evidence,
        engine=f"{snapshot.dialect} {snapshot.engine_version}",
        support=support_of(profile.product, profile.version, snapshot.taken_at.date()),
        time_zone=profile.time_zone,
        time_zone_evidence=profile.time_zone_evidence,
        article_storage=profile.article_storage,
        article_storage_evidence=profile.article_storage_evidence,
        article_files=article_files,
        tickets=ask("tickets", _tickets),
        articles=ask("articles", _articles) or (),
        attachments=ask("attachments", lambda here: _attachments(here, measured_up_to)),
        dynamic_fields=ask("dynamic_fields", _dynamic_fields) or (),
        queues=ask("queues", lambda here: _used(here, "queue", "queue_id")) or (),
        slas=ask("slas", lambda here: _used(here, "sla", "sla_id")) or (),
        services=ask("services", lambda here: _used(here, "service", "service_id")) or (),
        types=ask("types", lambda here: _used(here, "ticket_type", "type_id")) or (),
        priorities=ask("priorities", lambda here: _used(here, "ticket_priority", "ticket_priority_id")) or (),
        agents=ask("agents", _agents),
        customers=ask("customers", lambda here: _customers(here, customers_csv)),
        processes=ask("processes", _processes) or (),
        config_items=ask("config_items", _config_items) or {},
        stats=ask("stats", _stats),
        packages=ask("packages", _packages) or (),
        unknown_tables=ask("unknown_tables", _unknown_tables) or {},
        others=_others(source),
        threads=ask("threads", lambda here: _threads(here, articles_at_most, files_at_most)),
        gaps=source.gaps,
    )


# --- tickets and articles ---------------------------------------------------------------------------------


def _tickets(source: _Source) -> Tickets:
    ticket = source.table("ticket")
    state, state_type = source.table("ticket_state"), source.table("ticket_state_type")
    year = "substr(create_time, 1, 4)" if source.snapshot.dialect == "sqlite" else "extract(year from create_time)"
    now = int(source.snapshot.taken_at.replace(tzinfo=UTC).timestamp())
    archived = "sum(archive_flag)" if source.has("ticket", "archive_flag") else "0"
    by_state = source.rows(
        "select st.name, x.n, x.later from (select ticket_state_id as state, count(*) as n,"
        f" sum(case when until_time > {now} then 1 else 0 end) as later from {ticket} group by ticket_state_id) x"
        f" left join {state} s on s.id = x.state left join {state_type} st on st.id = s.type_id"
    )
    by_state_type: dict[str, int] = {}
    for name, number, _ in by_state:
        named = str(name or "unknown")
        by_state_type[named] = by_state_type.get(named, 0) + int(number)
    years = source.rows(f"select {year}, count(*) from {ticket} group by {year}")
    [archived_tickets] = source.numbers(f"select {archived} from {ticket}")
    return Tickets(
        total=sum(by_state_type.values()),
        by_state_type=dict(sorted(by_state_type.items())),
        by_year=dict(sorted((_year(value), int(number)) for value, number in years)),
        archived=archived_tickets,
        reminders_due_later=sum(int(later or 0) for name, _, later in by_state if str(name).startswith("pending")),
    )


def _year(value: Any) -> str:
    return str(int(value)) if value not in {None, "", 0, "0000"} else "unknown"


def _articles(source: _Source) -> tuple[ArticleGroup, ...]:
    article, sender = source.table("article"), source.table("article_sender_type")
    is_new = source.has(NEW_ARTICLES)
    kind = source.table("communication_channel" if is_new else "article_type")
    kind_id = "communication_channel_id" if is_new else "article_type_id"
    visible = "is_visible_for_customer" if is_new else "null"
    grouped = f"{kind_id}, article_sender_type_id" + (f", {visible}" if is_new else "")
    rows = source.rows(
        "select k.name, s.name, x.visible, x.n from"
        f" (select {kind_id} as kind, article_sender_type_id as sender, {visible} as visible, count(*) as n"
        f" from {article} group by {grouped}) x"
        f" left join {kind} k on k.id = x.kind left join {sender} s on s.id = x.sender"
    )
    groups = [
        ArticleGroup(str(channel), str(by), bool(seen) if is_new else VISIBLE_TYPES.get(str(channel)), int(number))
        for channel, by, seen, number in rows
    ]
    return tuple(sorted(groups, key=lambda group: (group.channel, group.sender, str(group.is_visible))))


def _attachment_tables(source: _Source) -> tuple[str, str]:
    if source.has(NEW_ARTICLES):
        return "article_data_mime_attachment", "article_data_mime_plain"
    return "article_attachment", "article_plain"


_IS_BODY = "filename in ('file-1', 'file-2', 'file-1.html')"
"""OTRS keeps the HTML body of an article as an attachment of such a name."""


def _attachments(source: _Source, measured_up_to: int) -> Attachments:
    attachment, plain = _attachment_tables(source)
    size, measured = _size(source, attachment, measured_up_to)
    sums, lower = [], 0
    for _, below in SIZES:
        within = f"size >= {lower}" + (f" and size < {below}" if below is not None else "")
        sums += [f"sum(case when {within} then 1 else 0 end)", f"sum(case when {within} then size else 0 end)"]
        lower = below or 0
    files, total, without, bodies, *classes = source.numbers(
        "select count(*), sum(size), sum(case when size is null then 1 else 0 end), sum(is_body),"
        f" {', '.join(sums)} from (select {size} as size, case when {_IS_BODY} then 1 else 0 end as is_body"
        f" from {source.table(attachment)}) x"
    )
    return Attachments(
        files=files,
        bytes=total,
        sizes=tuple(
            SizeClass(name, below, classes[2 * number], classes[2 * number + 1])
            for number, (name, below) in enumerate(SIZES)
        ),
        without_size=without,
        bodies=bodies,
        measured=measured,
        mails=source.numbers(f"select count(*) from {source.table(plain)}")[0],
    )


def _size(source: _Source, attachment: str, measured_up_to: int) -> tuple[str, str]:
    """Return the SQL of a file's size, and how it is found."""
    if source.snapshot.dialect == "sqlite":
        return "length(content)", "each file was measured"
    if source.snapshot.dialect == "postgresql":
        # 57 bytes are a line of 76 characters and its end; the length of a value is known without reading it.
        return (
            "(octet_length(content) - (octet_length(content) + 76) / 77) / 4 * 3",
            "reckoned from the length of the base64 text, up to 2 bytes too many for each file",
        )
    if source.snapshot.sizes().get(source.names[attachment] or "", 0) <= measured_up_to:
        return "length(content)", "each file was measured"
    return (
        "case when content_size regexp '^[0-9]+$' then cast(content_size as unsigned) end",
        "as OTRS noted it in content_size, now and then some bytes off: measuring so many files would read them all",
    )


# --- what tickets refer to --------------------------------------------------------------------------------


def _used(source: _Source, table: str, column: str) -> tuple[Used, ...]:
    named = source.table(table)
    rows = source.rows(
        f"select d.name, d.valid_id, coalesce(x.n, 0) from {named} d left join"
        f" (select {column} as id, count(*) as n from {source.table('ticket')} group by {column}) x on x.id = d.id"
    )
    return tuple(sorted((Used(str(name), valid == 1, int(number)) for name, valid, number in rows), key=_by_name))


def _by_name(used: Used) -> str:
    return used.name


def _dynamic_fields(source: _Source) -> tuple[DynamicField, ...]:
    field, value = source.table("dynamic_field"), source.table("dynamic_field_value")
    shipped = "f.internal_field" if source.has("dynamic_field", "internal_field") else "0"
    objects = {
        "Ticket": "ticket",
        "Article": "article",
        "CustomerUser": "customer_user",
        "CustomerCompany": "customer_company",
        "ITSMConfigItem": "configitem",
    }
    totals = {
        kind: source.numbers(f"select count(*) from {source.table(table)}")[0]
        for kind, table in objects.items()
        if source.has(table)
    }
    filled = f"select field_id, count(distinct object_id) as n from {value} group by field_id"
    rows = source.rows(
        f"select f.name, f.object_type, f.field_type, f.valid_id, {shipped}, coalesce(x.n, 0)"
        f" from {field} f left join ({filled}) x on x.field_id = f.id"
    )
    fields = [
        DynamicField(str(name), str(kind), str(form), valid == 1, bool(internal), totals.get(str(kind)), int(filled))
        for name, kind, form, valid, internal, filled in rows
    ]
    return tuple(sorted(fields, key=lambda found: (found.object_type, found.field_type, found.name)))


# --- people -----------------------------------------------------------------------------------------------


def _agents(source: _Source) -> Agents:
    users, preferences = source.table("users"), source.table("user_preferences")
    value = {
        "mysql": "convert(preferences_value using utf8mb4)",
        "sqlite": "cast(preferences_value as text)",
    }.get(source.snapshot.dialect, "preferences_value")
    addresses = (
        f"select user_id, lower(trim({value})) as address from {preferences} where preferences_key = 'UserEmail'"
    )
    total, valid, without = source.numbers(
        "select count(*), sum(case when u.valid_id = 1 then 1 else 0 end),"
        " sum(case when coalesce(a.address, '') = '' then 1 else 0 end)"
        f" from {users} u left join ({addresses}) a on a.user_id = u.id"
    )
    [sharing] = source.numbers(
        "select sum(n) from (select count(*) as n from"
        f" ({addresses}) a inner join {users} u on u.id = a.user_id where a.address <> ''"
        " group by a.address having count(*) > 1) x"
    )
    return Agents(total, valid, without, sharing)


def _customers(source: _Source, customers_csv: Callable[[], set[str]] | None) -> Customers:
    user, company = source.table("customer_user"), source.table("customer_company")
    valid = "sum(case when valid_id = 1 then 1 else 0 end)"
    users, valid_users = source.numbers(f"select count(*), {valid} from {user}")
    companies, valid_companies = source.numbers(f"select count(*), {valid} from {company}")
    outside, outside_tickets, supplied, supplied_tickets = _outside(source, customers_csv)
    ticket = source.table("ticket")
    [without] = source.numbers(f"select count(*) from {ticket} where coalesce(customer_user_id, '') = ''")
    return Customers(
        users,
        valid_users,
        companies,
        valid_companies,
        _memberships(source),
        outside,
        outside_tickets,
        supplied,
        supplied_tickets,
        without,
    )


def _outside(source: _Source, customers_csv: Callable[[], set[str]] | None) -> tuple[int, int, int, int]:
    """Count logins of tickets without a row, and their tickets; the same for those whom the CSV file supplies.

    The tickets are grouped first, so that the join is over logins. MySQL compares without regard to case and can
    use the index of the login; the others need both sides in lower case.
    """
    ticket, user = source.table("ticket"), source.table("customer_user")
    is_mysql = source.snapshot.dialect == "mysql"
    login = "customer_user_id" if is_mysql else "lower(customer_user_id)"
    people = user if is_mysql else f"(select distinct lower(login) as login from {user})"
    outside = (
        f"(select {login} as login, count(*) as n from {ticket} where coalesce(customer_user_id, '') <> ''"
        f" group by {login}) t left join {people} c on c.login = t.login where c.login is null"
    )
    logins, tickets = source.numbers(f"select count(*), sum(t.n) from {outside}")
    if customers_csv is None:
        return logins, tickets, 0, 0
    supplied = customers_csv()
    streamed = source.snapshot.rows(f"select t.login, t.n from {outside}")
    found = [int(number) for login, number in streamed if str(login).strip().lower() in supplied]
    return logins, tickets, len(found), sum(found)


def _memberships(source: _Source) -> int:
    user, company = source.table("customer_user"), source.table("customer_company")
    pairs = f"select login, customer_id from {user}"
    if source.has("customer_user_customer"):
        pairs += f" union select user_id, customer_id from {source.table('customer_user_customer')}"
    return source.numbers(f"select count(*) from ({pairs}) p inner join {company} c on c.customer_id = p.customer_id")[
        0
    ]


# --- everything else --------------------------------------------------------------------------------------


def _processes(source: _Source) -> tuple[Process, ...]:
    process, field = source.table("pm_process"), source.table("dynamic_field")
    value = source.table("dynamic_field_value")
    rows = source.rows(
        f"select p.name, p.state_entity_id, coalesce(x.n, 0) from {process} p left join"
        f" (select v.value_text as entity, count(distinct v.object_id) as n from {value} v inner join {field} f"
        " on f.id = v.field_id where f.field_type = 'ProcessID' group by v.value_text) x on x.entity = p.entity_id"
    )
    states = {"S1": "active", "S2": "inactive", "S3": "fade away"}
    found = (Process(str(name), states.get(str(state), str(state)), int(number)) for name, state, number in rows)
    return tuple(sorted(found, key=lambda process: process.name))


def _config_items(source: _Source) -> dict[str, int]:
    item, catalog = source.table("configitem"), source.table("general_catalog")
    rows = source.rows(
        f"select g.name, x.n from (select class_id, count(*) as n from {item} group by class_id) x"
        f" left join {catalog} g on g.id = x.class_id"
    )
    return dict(sorted((str(name), int(number)) for name, number in rows))


def _stats(source: _Source) -> int:
    return source.numbers(
        f"select count(distinct xml_key) from {source.table('xml_storage')} where xml_type = 'Stats'"
    )[0]


def _packages(source: _Source) -> tuple[Package, ...]:
    rows = source.rows(f"select name, version, install_status from {source.table('package_repository')}")
    return tuple(sorted((Package(*map(str, row)) for row in rows), key=lambda package: package.name))


def _unknown_tables(source: _Source) -> dict[str, int]:
    catalogue = load_catalogue()
    known = {name for table in catalogue.tables for name in (table.name, *table.aliases)} | set(catalogue.known_unread)
    unknown = [name for name in source.snapshot.tables if name.lower() not in known and name not in source.unreadable]
    counted = {name: source.snapshot.count(name) for name in sorted(unknown)}
    return {name: number for name, number in counted.items() if number}


def _others(source: _Source) -> dict[str, int]:
    tables = {
        "ticket history": "ticket_history",
        "links": "link_relation",
        "watchers": "ticket_watcher",
        "time accounting": "time_accounting",
        "appointments": "calendar_appointment",
        "roles": "roles",
        "response templates": "standard_template",
    }
    counted = {
        what: source.ask(what, lambda here, table=table: here.numbers(f"select count(*) from {here.table(table)}")[0])  # type: ignore[misc]
        for what, table in tables.items()
        if source.has(table)
    }
    return {what: number for what, number in counted.items() if number is not None}


# --- what an estimate of requests needs --------------------------------------------------------------------


def _threads(source: _Source, articles_at_most: int, files_at_most: int) -> Threads:
    article, kept = source.table("article"), _kept_tickets(source)
    has_sla = source.has("ticket", "sla_id")
    tickets, owned, with_sla, slas = source.numbers(
        "select count(*), sum(case when t.user_id <> 1 then 1 else 0 end),"
        + (" count(nullif(t.sla_id, 0)), count(distinct nullif(t.sla_id, 0))" if has_sla else " 0, 0")
        + f" from {kept}"
    )
    first = f"select ticket_id, count(*) as n, min(id) as first_id from {article} group by ticket_id"
    articles, begun, further = source.numbers(
        f"select sum(a.n), sum(case when {_by_customer(source)} then 1 else 0 end),"
        f" sum({_divided(source, 'a.n - 1', articles_at_most)})"
        f" from {kept} inner join ({first}) a on a.ticket_id = t.id inner join {article} f on f.id = a.first_id"
    )
    return Threads(
        tickets, owned, with_sla, slas, articles, begun, further, _messages_for_files(source, first, files_at_most)
    )


def _messages_for_files(source: _Source, first: str, files_at_most: int) -> int:
    """Count messages that are made only to carry files: the opening one takes none, others so many."""
    name, _ = _attachment_tables(source)
    files = f"select article_id, count(*) as n from {source.table(name)} where not ({_IS_BODY}) group by article_id"
    return source.numbers(
        f"select sum(case when a.first_id is not null and {_by_customer(source)}"
        f" then {_divided(source, f'x.n + {files_at_most - 1}', files_at_most)}"
        f" else {_divided(source, 'x.n - 1', files_at_most)} end)"
        f" from ({files}) x inner join {source.table('article')} f on f.id = x.article_id"
        f" inner join {_kept_tickets(source)} on t.id = f.ticket_id"
        f" left join ({first}) a on a.first_id = x.article_id"
    )[0]


def _kept_tickets(source: _Source) -> str:
    """Return what to select tickets `t` from that are not removed."""
    state, state_type = source.table("ticket_state"), source.table("ticket_state_type")
    kept = f"select s.id from {state} s inner join {state_type} k on k.id = s.type_id where k.name <> 'removed'"
    return f"(select * from {source.table('ticket')} where ticket_state_id in ({kept})) t"


def _by_customer(source: _Source) -> str:
    """Return the condition that article `f` is a customer's own, and was not hidden from customers."""
    sender = source.table("article_sender_type")
    visible = " and f.is_visible_for_customer = 1" if source.has("article", "is_visible_for_customer") else ""
    return f"f.article_sender_type_id in (select id from {sender} where name = 'customer'){visible}"


def _divided(source: _Source, number: str, by: int) -> str:
    """Return a division of integers."""
    return f"({number}) {'div' if source.snapshot.dialect == 'mysql' else '/'} {by}"
