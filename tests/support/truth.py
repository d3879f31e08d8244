"""What is known of each real OTRS database, and what a warehouse says, in one form, so that they can be compared.

The ground truth of a database was counted through the API of the OTRS that wrote it. It speaks two dialects: that
of Znuny 6.5, and that of OTRS 5, whose articles have a type instead of a channel and a visibility. Both become
rows (plain dicts) here; a column that one of them doesn't know is left out and not compared. Where the truth of
OTRS 5 lists samples only, the database itself is asked, by plain SQL and with its own SHA-256.

Times are texts in the OTRS time zone of the database, as OTRS prints them: a UTC time has one local time, while
a local time in the hour after the clocks went back has two UTC times. Epochs are compared apart.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

Row = dict[str, Any]
Sql = Callable[[str], list[tuple[Any, ...]]]

# An OTRS 5 article type's channel and visibility, as OTRS 6 migrated its own articles
# (scripts/DBUpdateTo6/TaskConfig/MigrateArticleData.yml.dist).
ARTICLE_TYPES = {
    "email-external": ("Email", 1),
    "email-internal": ("Email", 0),
    "email-notification-ext": ("Email", 1),
    "email-notification-int": ("Email", 0),
    "phone": ("Phone", 1),
    "fax": ("Internal", 1),
    "sms": ("Internal", 1),
    "webrequest": ("Internal", 1),
    "note-internal": ("Internal", 0),
    "note-external": ("Internal", 1),
    "note-report": ("Internal", 0),
    "chat-internal": ("Chat", 0),
    "chat-external": ("Chat", 1),
}

# The ticket that every installation starts with. Its mail of 2021 was not received but inserted: the row has the
# time of the installation.
WELCOME_TICKET = "2021012710123456"
WELCOME_ARTICLE = 1

# Columns of an article that stand in its mail headers; a chat has none of them.
HEADERS = ("from", "to", "cc", "bcc", "reply_to", "subject", "message_id", "in_reply_to", "content_type")


@dataclass(frozen=True)
class LabDatabase:
    """A real database: what its dump is called, its time zone, and what the extract must be told."""

    name: str
    zone: str = "UTC"
    is_otrs_5: bool = False
    has_article_files: bool = False

    @property
    def article_files(self) -> str:
        """Name of the archive that holds ``var/article`` below the OTRS home."""
        return f"{self.name}.var-article.tar.gz"

    def settings(self, home: Path) -> dict[str, str]:
        """Return the settings that someone who migrates this database would make."""
        settings = {"OTRS__TIMEZONE": self.zone} if self.is_otrs_5 else {}
        return settings | ({"OTRS__ARTICLE_DIR": str(home / "var" / "article")} if self.has_article_files else {})


DATABASES = {
    database.name: database
    for database in (
        LabDatabase("znuny65-mysql-a"),
        LabDatabase("znuny65-mysql-b"),
        LabDatabase("znuny65-mysql-fs", has_article_files=True),
        LabDatabase("znuny65-postgres-a", zone="Europe/Berlin"),
        LabDatabase("otrs5-mysql", zone="Europe/Berlin", is_otrs_5=True),
    )
}


@dataclass(frozen=True)
class Truth:
    """The ground truth of one database.

    Attributes:
        table_rows: rows per table, by its name in the database.
        tickets_per: tickets by what the truth counts them by, such as ``queue``, and its value.
        articles_per_class: articles by ``channel|sender|visible``, visible as 0 or 1.
        tickets: rows by ticket number; every ticket of Znuny, the listed ones of OTRS 5.
        listed_tickets: rows of the tickets that are described in full, with ``article_ids`` in order.
        articles: rows of every article by id.
        listed_articles: rows of the articles of listed tickets.
        files: every attachment by article, name, type, content id, size and SHA-256, as often as it occurs.
        body_files: those of them that are bodies, by article, SHA-256 and which body.
        mails: SHA-256 of raw mails by article id.
        chats: lines of chats by article id: time, name, type, text, whether the system wrote it.
        field_values: dynamic fields' values, sorted, by object type, object (id or login) and field.
        customers: rows by login.
    """

    database: LabDatabase
    table_rows: dict[str, int]
    tickets_per: dict[str, dict[Any, int]]
    articles_per_class: dict[str, int]
    tickets: dict[str, Row]
    listed_tickets: dict[str, Row]
    articles: dict[int, Row]
    listed_articles: dict[int, Row]
    files: Counter[tuple[Any, ...]]
    body_files: Counter[tuple[int, str, str]]
    mails: dict[int, str]
    chats: dict[int, list[tuple[Any, ...]]]
    field_values: dict[tuple[str, str, str], list[Any]]
    customers: dict[str, Row]


def read_truth(folder: Path, database: LabDatabase, url: str) -> Truth:
    """Read a database's truth; ``url`` leads to the database, for what the truth of OTRS 5 leaves out."""
    known = json.loads((folder / f"{database.name}.truth.json").read_text(encoding="utf-8"))
    if "articles_all" in known:
        return _of_znuny(database, known)
    # The rows of this OTRS 5 were taken from a Znuny: what is a body there is one here.
    origin = json.loads((folder / "znuny65-mysql-b.truth.json").read_text(encoding="utf-8"))
    return _of_otrs_5(database, known, url, _body_files(origin))


def _of_znuny(database: LabDatabase, known: dict[str, Any]) -> Truth:
    listed = known["tickets"].values()
    return Truth(
        database,
        known["table_rows"],
        {
            **{
                what: {value.split("|")[0]: number for value, number in known[f"tickets_per_{what}"].items()}
                for what in ("state", "queue", "owner", "priority")
            },
            "is_archived": {flag == "1": number for flag, number in known["tickets_per_archive_flag"].items()},
        },
        known["articles_per_channel_sender_visible"],
        {number: _znuny_ticket(ticket) for number, ticket in known["tickets_all"].items()},
        {number: _znuny_listed_ticket(ticket) for number, ticket in known["tickets"].items()},
        {
            int(article): dict(zip(known["articles_all"]["columns"], row, strict=True))
            for article, row in known["articles_all"]["rows"].items()
        },
        {article["article_id"]: _znuny_article(article) for ticket in listed for article in ticket["articles"]},
        Counter(
            _file(int(article), file) for article, files in known["attachments"]["by_article"].items() for file in files
        ),
        _body_files(known),
        {
            article["article_id"]: article["plain_sha256"]
            for ticket in listed
            for article in ticket["articles"]
            if article["plain_sha256"]
        },
        {
            article["article_id"]: [_chat_line(line) for line in article["chat"]]
            for ticket in listed
            for article in ticket["articles"]
            if article.get("chat")
        },
        {
            (object_type, object_name, field): sorted(values)
            for object_type, objects in known["dynamic_field_values_all"].items()
            for object_name, fields in objects.items()
            for field, values in fields.items()
        },
        {
            login: {name: user[name] for name in ("email", "customer_id", "first", "last", "phone", "valid_id")}
            for login, user in known["customer_users_all"].items()
        },
    )


def _znuny_ticket(ticket: Row) -> Row:
    same = ("ticket_id", "title", "state", "queue", "owner", "priority", "customer_id", "customer_user")
    return {name: ticket[name] for name in (*same, "created", "changed")} | {
        "is_archived": ticket["archive"] == "y",
        "articles": ticket.get("article_count", ticket.get("articles")),
    }


def _znuny_listed_ticket(ticket: Row) -> Row:
    return _znuny_ticket(ticket) | {
        **{name: ticket[name] for name in ("type", "service", "sla", "lock", "responsible")},
        "until_time": ticket["until_time_epoch"] or None,
        "dynamic_fields": _fields(ticket["dynamic_fields"]),
        "article_ids": [article["article_id"] for article in ticket["articles"]],
        "watchers": sorted(ticket["watchers"]),
    }


def _znuny_article(article: Row) -> Row:
    return {
        **{name: article[name] for name in (*HEADERS, "channel", "sender", "visible", "created", "incoming_time")},
        "created_by": article["created_by"],
        "body_sha256": article["body_sha256"],
        "dynamic_fields": _fields(article["dynamic_fields"]),
    }


def _fields(fields: dict[str, Any]) -> dict[str, list[Any]]:
    """Give every field of a ticket or an article a list of values, as fields with several values have."""
    return {
        name.removeprefix("DynamicField_"): sorted(value) if isinstance(value, list) else [value]
        for name, value in fields.items()
        if value is not None
    }


def _file(article: int, file: Row) -> tuple[Any, ...]:
    return (
        article,
        file["filename"],
        file["content_type"],
        file["content_id"] or "",
        file["bytes"],
        file["sha256"],
    )


def _body_files(known: dict[str, Any]) -> Counter[tuple[int, str, str]]:
    return Counter(
        (int(article), file["sha256"], body)
        for article, files in known["attachments"]["by_article"].items()
        for file in files
        for body, mark in (("html", "is_html_body"), ("plain", "is_plain_body_part"))
        if file[mark]
    )


def _chat_line(line: Row) -> tuple[Any, ...]:
    is_system = bool(int(line["SystemGenerated"]))
    return (line["CreateTime"], line["ChatterName"], line["ChatterType"], line["MessageText"], is_system)


def _of_otrs_5(
    database: LabDatabase, known: dict[str, Any], url: str, body_files: Counter[tuple[int, str, str]]
) -> Truth:
    per_class: Counter[str] = Counter()
    for name, number in known["articles_per_type_and_sender"].items():
        article_type, sender = name.split("|")
        channel, visible = ARTICLE_TYPES[article_type]
        per_class[f"{channel}|{sender}|{visible}"] += number
    listed = {number: _otrs_5_ticket(ticket) for number, ticket in known["tickets"].items()}
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            files = _otrs_5_files(connection)
            contents = {(file[0], file[5]) for file in files}
            return Truth(
                database,
                known["table_rows"],
                {what: known[f"tickets_per_{what}"] for what in ("state", "queue")},
                dict(per_class),
                listed,
                listed,
                _otrs_5_articles(connection),
                {
                    article["article_id"]: _otrs_5_listed_article(article)
                    for ticket in known["tickets"].values()
                    for article in ticket["articles"]
                },
                files,
                Counter({body: number for body, number in body_files.items() if body[:2] in contents}),
                dict(_ask(connection, "select article_id, sha2(body, 256) from article_plain")),
                _otrs_5_chats(connection),
                _otrs_5_field_values(connection),
                {},
            )
    finally:
        engine.dispose()


def _ask(connection: sqlalchemy.Connection, query: str) -> list[Any]:
    return list(connection.execute(sqlalchemy.text(query)))


def _otrs_5_ticket(ticket: Row) -> Row:
    same = ("ticket_id", "title", "state", "queue", "owner", "priority", "customer_id", "type", "service", "sla")
    return {name: ticket[name] for name in same} | {
        "customer_user": ticket["customer_user_id"],
        "created": ticket["create_time"],
        "changed": ticket["change_time"],
        "is_archived": ticket["archive_flag"] == "1",
        "articles": ticket["article_count"],
        "until_time": int(ticket["until_time"]) or None,
        "article_ids": [article["article_id"] for article in ticket["articles"]],
    }


def _otrs_5_listed_article(article: Row) -> Row:
    channel, visible = ARTICLE_TYPES[article["type"]]
    same = ("from", "to", "cc", "subject", "content_type", "sender", "created", "incoming_time", "body_sha256")
    return {name: article[name] for name in same} | {"channel": channel, "visible": visible}


def _otrs_5_articles(connection: sqlalchemy.Connection) -> dict[int, Row]:
    found = _ask(
        connection,
        "select article.id, ticket_id, article_type.name, article_sender_type.name,"
        " cast(article.create_time as char), sha2(coalesce(a_body, ''), 256),"
        " (select count(*) from article_attachment where article_id = article.id)"
        " from article join article_type on article_type_id = article_type.id"
        " join article_sender_type on article_sender_type_id = article_sender_type.id",
    )
    columns = ("ticket_id", "channel", "sender", "visible", "created", "body_sha256", "attachments")
    articles = {}
    for article, ticket, article_type, sender, created, body, attachments in found:
        channel, visible = ARTICLE_TYPES[article_type]
        row = (ticket, channel, sender, visible, created, body, attachments)
        articles[article] = dict(zip(columns, row, strict=True))
    return articles


def _otrs_5_files(connection: sqlalchemy.Connection) -> Counter[tuple[Any, ...]]:
    found = _ask(
        connection,
        "select article_id, filename, content_type, coalesce(content_id, ''), length(content), sha2(content, 256)"
        " from article_attachment",
    )
    return Counter(tuple(row) for row in found)


def _otrs_5_chats(connection: sqlalchemy.Connection) -> dict[int, list[tuple[Any, ...]]]:
    found = _ask(
        connection,
        "select article.id, a_body from article join article_type on article_type_id = article_type.id"
        " where article_type.name like 'chat-%'",
    )
    return {article: [_chat_line(line) for line in json.loads(body)] for article, body in found}


def _otrs_5_field_values(connection: sqlalchemy.Connection) -> dict[tuple[str, str, str], list[Any]]:
    found = _ask(
        connection,
        "select object_type, object_id, name, value_text, value_int, cast(value_date as char)"
        " from dynamic_field_value join dynamic_field on field_id = dynamic_field.id",
    )
    values: defaultdict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for object_type, object_id, field, text, number, date in found:
        values[object_type, str(object_id), field].append(next(v for v in (number, date, text) if v is not None))
    return {key: sorted(value) for key, value in values.items()}


def known_deviations(truth: Truth) -> dict[tuple[Any, str], str]:
    """Return where warehouse and truth must differ: the reason by ticket number or article id, and column."""
    chat = "OTRS 5 keeps a chat as JSON" if truth.database.is_otrs_5 else "OTRS's API gives a chat no body"
    chats = [article for article, row in truth.articles.items() if row["channel"] == "Chat"]
    known: dict[tuple[Any, str], str]
    known = {(article, "body_sha256"): f"{chat}; the warehouse has its lines as a dialogue" for article in chats}
    if truth.database.name in {"znuny65-mysql-a", "znuny65-mysql-b"}:
        reason = "written by hand with 4-byte characters, which OTRS's 3-byte connection reads as question marks"
        known |= {("2023051310000011", "title"): reason, (101, "body_sha256"): reason}
    if WELCOME_TICKET in truth.tickets:
        known[WELCOME_TICKET, "type"] = "the ticket has no type, for which OTRS's API gives the default type"
    return known


def deviating(truth: Truth, rows: Mapping[Any, Row]) -> set[tuple[Any, str]]:
    """Return the known deviations among some of the truth's rows."""
    return {(key, column) for key, column in known_deviations(truth) if key in rows and column in rows[key]}


def misread_types(truth: Truth) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return files whose type OTRS gives as something else than it wrote, and what they are in the warehouse.

    The file storage writes a file's type in UTF-8 to a file beside it and reads that as Latin-1.
    """
    if not truth.database.has_article_files:
        return {}
    read = {file: (*file[:2], _read_as_utf_8(file[2]), *file[3:]) for file in truth.files if file[2]}
    return {file: read_well for file, read_well in read.items() if file != read_well}


def _read_as_utf_8(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def tickets_in(sql: Sql, zone: str) -> dict[str, Row]:
    """Return the warehouse's tickets by number, in the columns of ``Truth.listed_tickets``."""
    fields = _fields_of_objects(sql, "Ticket")
    watchers: defaultdict[int, list[int]] = defaultdict(list)
    for ticket, agent in sql("select ticket_id, agent_id from staging.stg_otrs__ticket_watchers order by all"):
        watchers[ticket].append(agent)
    columns = {
        "ticket_id": "ticket.ticket_id",
        "title": "ticket.title",
        "state": "ticket_state_name",
        "queue": "queue_name",
        "owner": "owner.agent_login",
        "responsible": "responsible.agent_login",
        "priority": "ticket_priority_name",
        "type": "ticket_type_name",
        "service": "service_name",
        "sla": "sla_name",
        "lock": "ticket_lock_type_name",
        "customer_id": "ticket.customer_id",
        "customer_user": "ticket.customer_user_login",
        "created": local_time("ticket.created_at", zone),
        "created_epoch": "epoch(ticket.created_at)::bigint",
        "changed": local_time("ticket.changed_at", zone),
        "until_time": "epoch(pending_until)::bigint",
        "is_archived": "is_archived",
        "article_ids": "list(article_id order by article_id) filter (where article_id is not null)",
    }
    found = sql(
        f"select ticket_number, {', '.join(columns.values())}"
        " from staging.stg_otrs__tickets as ticket"
        " left join staging.stg_otrs__ticket_states using (ticket_state_id)"
        " left join staging.stg_otrs__queues using (queue_id)"
        " left join staging.stg_otrs__ticket_priorities using (ticket_priority_id)"
        " left join staging.stg_otrs__ticket_types using (ticket_type_id)"
        " left join staging.stg_otrs__services using (service_id)"
        " left join staging.stg_otrs__slas using (sla_id)"
        " left join staging.stg_otrs__ticket_lock_types using (ticket_lock_type_id)"
        " left join staging.stg_otrs__agents as owner on owner.agent_id = owner_agent_id"
        " left join staging.stg_otrs__agents as responsible on responsible.agent_id = responsible_agent_id"
        " left join staging.stg_otrs__articles as article on article.ticket_id = ticket.ticket_id"
        " group by all"
    )
    tickets = {number: dict(zip(columns, row, strict=True)) for number, *row in found}
    for ticket in tickets.values():
        ticket["article_ids"] = ticket["article_ids"] or []
        ticket["articles"] = len(ticket["article_ids"])
        ticket["watchers"] = watchers[ticket["ticket_id"]]
        ticket["dynamic_fields"] = fields.get(str(ticket["ticket_id"]), {})
    return tickets


def articles_in(sql: Sql, zone: str) -> dict[int, Row]:
    """Return the warehouse's articles by id, in the columns of ``Truth.articles`` and ``.listed_articles``."""
    fields = _fields_of_objects(sql, "Article")
    columns = {
        "ticket_id": "article.ticket_id",
        "channel": "unified.channel",
        "sender": "unified.sender_type",
        "visible": "unified.is_visible_for_customer::integer",
        "created": local_time("article.created_at", zone),
        "created_by": "article.created_by_agent_id",
        "body_sha256": "sha256(unified.plain_body)",
        "attachments": "coalesce(files, 0)",
        "from": "mime.from_header",
        "to": "mime.to_header",
        "cc": "mime.cc_header",
        "bcc": "mime.bcc_header",
        "reply_to": "mime.reply_to_header",
        "subject": "mime.subject",
        "message_id": "message_id_header",
        "in_reply_to": "in_reply_to_header",
        "content_type": "body_content_type",
        "incoming_time": "epoch(incoming_at)::bigint",
        "created_epoch": "epoch(article.created_at)::bigint",
    }
    found = sql(
        f"select article.article_id, {', '.join(columns.values())}"
        " from staging.stg_otrs__articles as article"
        " left join intermediate.int_articles_unified as unified using (article_id)"
        " left join staging.stg_otrs__article_mime_data as mime using (article_id)"
        " left join (select article_id, count(*) as files from intermediate.int_attachments_classified group by 1)"
        " using (article_id)"
    )
    articles = {article: dict(zip(columns, row, strict=True)) for article, *row in found}
    for article, row in articles.items():
        row["dynamic_fields"] = fields.get(str(article), {})
    return articles


def files_in(sql: Sql) -> Counter[tuple[Any, ...]]:
    """Return the warehouse's attachments in the form of ``Truth.files``; one without a name was given one."""
    return Counter(
        sql(
            "select article_id, nullif(regexp_replace(file_name, '^attachment-[0-9]+$', ''), ''), content_type,"
            " coalesce(content_id, ''), size_bytes, sha256 from intermediate.int_attachments_classified"
        )
    )


def body_files_in(sql: Sql) -> Counter[tuple[Any, ...]]:
    """Return the warehouse's attachments that are bodies in the form of ``Truth.body_files``."""
    return Counter(
        sql(
            "select article_id, sha256, unnest(list_concat(if(is_html_body, ['html'], []),"
            " if(is_plain_body, ['plain'], []))) from intermediate.int_attachments_classified"
        )
    )


def mails_in(sql: Sql) -> dict[int, str]:
    """Return the SHA-256 of the warehouse's raw mails by article id."""
    return dict(
        sql(
            "select mail.article_id, sha256 from staging.stg_otrs__article_plain_mails as mail"
            " join staging.stg_otrs__attachment_contents using (attachment_key)"
        )
    )


def chats_in(sql: Sql, zone: str) -> dict[int, list[tuple[Any, ...]]]:
    """Return the lines of the warehouse's chats in the form of ``Truth.chats``."""
    chats: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for article, *line in sql(
        f"select article_id, {local_time('created_at', zone)}, participant_name, participant_type, message_text,"
        " is_system_generated"
        " from staging.stg_otrs__chat_messages order by article_id, line_number"
    ):
        chats[article].append(tuple(line))
    return dict(chats)


def field_values_in(sql: Sql, *, also_of_invalid_fields: bool = True) -> dict[tuple[str, str, str], list[Any]]:
    """Return the warehouse's dynamic fields' values in the form of ``Truth.field_values``."""
    values: defaultdict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for object_type, object_name, field, number, date, text in sql(
        "select field.object_type, coalesce(object_name, value.object_id::varchar), dynamic_field_name,"
        " value_integer, strftime(value_local_time, '%Y-%m-%d %H:%M:%S'), value_text"
        " from staging.stg_otrs__dynamic_field_values as value"
        " join staging.stg_otrs__dynamic_fields as field using (dynamic_field_id)"
        " left join staging.stg_otrs__dynamic_field_objects as object"
        " on object.object_id = value.object_id and object.object_type = field.object_type"
        f" where is_valid or {also_of_invalid_fields}"
    ):
        values[object_type, object_name, field].append(next(v for v in (number, date, text) if v is not None))
    return {key: sorted(value) for key, value in values.items()}


def _fields_of_objects(sql: Sql, wanted_type: str) -> dict[str, dict[str, list[Any]]]:
    # OTRS shows a ticket's or an article's values of valid fields only.
    objects: defaultdict[str, dict[str, list[Any]]] = defaultdict(dict)
    for (object_type, object_name, field), values in field_values_in(sql, also_of_invalid_fields=False).items():
        if object_type == wanted_type:
            objects[object_name][field] = values
    return objects


def customers_in(sql: Sql) -> dict[str, Row]:
    """Return the warehouse's customers in the form of ``Truth.customers``."""
    columns = {
        "email": "email",
        "customer_id": "customer_id",
        "first": "first_name",
        "last": "last_name",
        "phone": "phone",
        "valid_id": "validity_id",
    }
    found = sql(f"select customer_user_login, {', '.join(columns.values())} from staging.stg_otrs__customer_users")
    return {login: dict(zip(columns, row, strict=True)) for login, *row in found}


def local_time(column: str, zone: str) -> str:
    """Return the SQL for a UTC timestamp as the text that OTRS prints in a time zone."""
    return f"strftime({column} at time zone 'UTC' at time zone '{zone}', '%Y-%m-%d %H:%M:%S')"


def differing(found: Mapping[Any, Row], wanted: Mapping[Any, Row]) -> dict[tuple[Any, str], tuple[Any, Any]]:
    """Return what differs: the found and the wanted value by record and column of ``wanted``; ``row`` if missing."""
    differences: dict[tuple[Any, str], tuple[Any, Any]] = {}
    for key, row in wanted.items():
        if key not in found:
            differences[key, "row"] = (None, row)
            continue
        differences |= {
            (key, column): (found[key][column], value) for column, value in row.items() if found[key][column] != value
        }
    return differences


def agreements(flat: list[Any]) -> list[dict[str, Any]]:
    """Return service level agreements, of which the truth lists names and values one after another."""
    found: list[dict[str, Any]] = []
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        if name == "Name":
            found.append({})
        found[-1][name] = value
    return found
