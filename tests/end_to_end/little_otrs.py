"""An OTRS of a few tickets that lives, and what a workspace should hold of it, told without any SQL of ours.

`LittleOtrs` changes a SQLite database as OTRS does and remembers what stands in it. `Wanted` is told when that
was carried over, and follows the rules in their shortest words: what was sent stays where it is, what is new
follows in the order of the articles, what was edited comes once more.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
FUTURE = 4_000_000_000
STATES = {"new": 1, "closed successful": 2, "open": 4, "removed": 5, "pending reminder": 6, "merged": 9}
PRIORITIES = {1: "1 very low", 3: "3 normal", 5: "5 very high"}
QUEUES = {1: "Postmaster", 5: "Support", 6: "Support::Tier 1", 8: "Billing"}
OWNERS = {1: None, 2: "anna.schmidt@example.com", 3: "bob.miller@example.com"}
SLAS = {None: None, 1: "SLA: Gold", 2: "SLA: Silver"}
SENDERS = {"agent": 1, "system": 2, "customer": 3}
EMPTIED = (
    "ticket",
    "ticket_history",
    "ticket_watcher",
    "ticket_flag",
    "time_accounting",
    "article",
    "article_data_mime",
    "article_data_mime_plain",
    "article_data_mime_attachment",
    "article_data_otrs_chat",
    "dynamic_field_value",
    "link_relation",
    "customer_user",
    "customer_company",
    "customer_preferences",
    "customer_user_customer",
    "service_customer_user",
)
CHANGING = frozenset(
    {
        "ticket",
        "article",
        "article_data_mime",
        "article_data_mime_attachment",
        "customer_user",
        "customer_company",
        "customer_preferences",
        # every run looks for contents in these
        "article_data_mime_plain",
        "article_attachment",
        "article_plain",
    }
)
"""The tables that change here; the others are extracted once."""


@dataclass
class Article:
    """An article as it is now; `text` and `file` are words that stand nowhere else."""

    number: int
    ticket: int
    sender: str
    text: str
    is_visible: bool = True
    file: str | None = None

    @property
    def value(self) -> tuple[str, bool, str | None]:
        """What an edit changes."""
        return self.text, self.is_visible, self.file

    @property
    def kind(self) -> str:
        """Who says it in Intercom, and to whom."""
        if not self.is_visible or self.sender == "system":
            return "note"
        return "contact" if self.sender == "customer" else "teammate"


@dataclass
class Ticket:
    """A ticket as it is now."""

    number: int
    customer: int
    title: str
    state: str = "open"
    until: int = 0
    queue: int = 5
    owner: int = 2
    priority: int = 3
    sla: int | None = None

    @property
    def tn(self) -> str:
        """The number that customers know."""
        return f"20240301{self.number:06}"


@dataclass
class Customer:
    """A customer user as he is now."""

    number: int
    login: str
    company: str


class LittleOtrs:
    """Changes the database and the memory of it together.

    Args:
        path: a sample's SQLite file, which is emptied of all tickets and customers.
        seed: of the dice.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.dice = Random(seed)  # noqa: S311 - dice, no secret
        self.tickets: dict[int, Ticket] = {}
        self.articles: dict[int, Article] = {}
        self.customers: dict[int, Customer] = {}
        self.words = 0
        self._statements: list[tuple[str, tuple[object, ...]]] = []
        self._last_article = self._last_ticket = 0
        for table in EMPTIED:
            self._do(f"delete from {table}")

    def _do(self, sql: str, *values: object) -> None:
        self._statements.append((sql, values))

    def write(self) -> None:
        """Put into the database what was done since the last time."""
        with closing(sqlite3.connect(self.path)) as db, db:
            there = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
            for sql, values in self._statements:
                if not (sql.startswith("delete from ") and sql.split()[2] not in there):
                    db.execute(sql, values)
        self._statements.clear()

    def word(self) -> str:
        """Return a word that stands nowhere else."""
        self.words += 1
        return f"word{self.words:05}x"

    # --- people

    def add_company(self, name: str) -> None:
        """A company."""
        self._do(
            "insert into customer_company (customer_id, name, valid_id, create_time, create_by, change_time, change_by)"
            " values (?, ?, 1, '2024-01-01 08:00:00', 1, '2024-01-01 08:00:00', 1)",
            name,
            f"Company {name}",
        )

    def add_customer(self, company: str) -> Customer:
        """A customer of a company."""
        number = len(self.customers) + 1
        customer = self.customers[number] = Customer(number, f"login{number}", company)
        self._do(
            "insert into customer_user (id, login, email, customer_id, first_name, last_name, valid_id, create_time,"
            " create_by, change_time, change_by)"
            " values (?, ?, ?, ?, 'Person', ?, 1, '2024-01-01 08:00:00', 1, '2024-01-01 08:00:00', 1)",
            number,
            customer.login,
            address(number),
            company,
            f"Number {number}",
        )
        self._do("insert into customer_preferences values (?, 'UserLanguage', 'en')", customer.login)
        return customer

    def rename_login(self, customer: Customer, login: str) -> None:
        """As OTRS does: the old login is nowhere any more."""
        self._do("update customer_user set login = ? where login = ?", login, customer.login)
        self._do("update ticket set customer_user_id = ? where customer_user_id = ?", login, customer.login)
        self._do("update customer_preferences set user_id = ? where user_id = ?", login, customer.login)
        customer.login = login

    def rename_company(self, old: str, new: str) -> None:
        """As OTRS does: the old CustomerID is nowhere any more."""
        self._do("update customer_company set customer_id = ? where customer_id = ?", new, old)
        self._do("update customer_user set customer_id = ? where customer_id = ?", new, old)
        self._do("update ticket set customer_id = ? where customer_id = ?", new, old)
        for customer in self.customers.values():
            if customer.company == old:
                customer.company = new

    # --- tickets

    def add_ticket(self, customer: Customer) -> Ticket:
        """A ticket without articles."""
        self._last_ticket += 1
        number = self._last_ticket
        ticket = self.tickets[number] = Ticket(number, customer.number, f"Title {number}")
        self._do(
            "insert into ticket (id, tn, title, queue_id, ticket_lock_id, type_id, user_id, responsible_user_id,"
            " ticket_priority_id, ticket_state_id, customer_id, customer_user_id, timeout, until_time, escalation_time,"
            " escalation_update_time, escalation_response_time, escalation_solution_time, archive_flag, create_time,"
            " create_by, change_time, change_by)"
            " values (?, ?, ?, 5, 1, 1, 2, 1, 3, 4, ?, ?, 0, 0, 0, 0, 0, 0, 0, ?, 1, ?, 1)",
            number,
            ticket.tn,
            ticket.title,
            customer.company,
            customer.login,
            at(number),
            at(number),
        )
        return ticket

    def change_ticket(self, ticket: Ticket, **values: object) -> None:
        """Set fields of a ticket."""
        for name, value in values.items():
            setattr(ticket, name, value)
        self._do(
            "update ticket set title = ?, ticket_state_id = ?, until_time = ?, queue_id = ?, user_id = ?,"
            " ticket_priority_id = ?, sla_id = ? where id = ?",
            ticket.title,
            STATES[ticket.state],
            ticket.until,
            ticket.queue,
            ticket.owner,
            ticket.priority,
            ticket.sla,
            ticket.number,
        )

    # --- articles

    def add_article(self, ticket: Ticket, sender: str, *, is_visible: bool = True, with_file: bool = False) -> Article:
        """An article with a text of its own."""
        self._last_article += 1
        number = self._last_article
        article = self.articles[number] = Article(number, ticket.number, sender, self.word(), is_visible)
        self._do(
            "insert into article (id, ticket_id, article_sender_type_id, communication_channel_id,"
            " is_visible_for_customer, search_index_needs_rebuild, create_time, create_by, change_time, change_by)"
            " values (?, ?, ?, 1, ?, 0, ?, ?, ?, 1)",
            number,
            ticket.number,
            SENDERS[sender],
            int(is_visible),
            at(1000 + number),
            2 if sender == "agent" else 1,
            at(1000 + number),
        )
        by = address(ticket.customer) if sender == "customer" else "otrs@example.com"
        self._do(
            "insert into article_data_mime (id, article_id, a_from, a_to, a_subject, a_content_type, a_body,"
            " incoming_time, create_time, create_by, change_time, change_by)"
            " values (?, ?, ?, 'x@example.com', 'Subject', 'text/plain; charset=utf-8', ?, 0, ?, 1, ?, 1)",
            number,
            number,
            by,
            article.text,
            at(1000 + number),
            at(1000 + number),
        )
        if with_file:
            self.add_file(article)
        return article

    def edit(self, article: Article, text: str) -> None:
        """Change the text."""
        article.text = text
        self._do("update article_data_mime set a_body = ? where article_id = ?", text, article.number)

    def add_file(self, article: Article) -> None:
        """Add the article's file."""
        word = self.word()
        article.file = f"{word}.txt"
        self._do(
            "insert into article_data_mime_attachment (id, article_id, filename, content_size, content_type,"
            " disposition, content, create_time, create_by, change_time, change_by)"
            " values (?, ?, ?, '5', 'text/plain', 'attachment', ?, ?, 1, ?, 1)",
            article.number,
            article.number,
            article.file,
            word.encode(),
            at(1000 + article.number),
            at(1000 + article.number),
        )

    def remove_file(self, article: Article) -> None:
        """Remove it."""
        article.file = None
        self._do("delete from article_data_mime_attachment where article_id = ?", article.number)

    def show(self, article: Article, *, is_visible: bool) -> None:
        """Let the customer see the article, or hide it."""
        article.is_visible = is_visible
        self._do("update article set is_visible_for_customer = ? where id = ?", int(is_visible), article.number)

    def delete(self, article: Article) -> None:
        """Delete the article."""
        del self.articles[article.number]
        self._do("delete from article_data_mime_attachment where article_id = ?", article.number)
        self._do("delete from article_data_mime where article_id = ?", article.number)
        self._do("delete from article where id = ?", article.number)

    def move(self, article: Article, ticket: Ticket) -> None:
        """Give the article to another ticket; it keeps its id."""
        article.ticket = ticket.number
        self._do("update article set ticket_id = ? where id = ?", ticket.number, article.number)

    def merge(self, merged: Ticket, main: Ticket) -> None:
        """As OTRS does: all articles move, and one note stays behind."""
        for article in self.of(merged):
            self.move(article, main)
        self.change_ticket(merged, state="merged", until=0)
        self.add_article(merged, "agent", is_visible=False)

    def of(self, ticket: Ticket) -> list[Article]:
        """The ticket's articles now."""
        return [article for article in self.articles.values() if article.ticket == ticket.number]


@dataclass(frozen=True)
class Message:
    """A message of a conversation: who says it (contact, teammate, note), the words in it, the names of files."""

    kind: str
    words: tuple[str, ...]
    files: tuple[str, ...] = ()


@dataclass
class Conversation:
    """What a conversation should hold."""

    opening: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)


class Wanted:
    """What the workspace should hold, by the history of what was carried over."""

    def __init__(self, otrs: LittleOtrs) -> None:
        self.otrs = otrs
        self.conversations: dict[int, Conversation] = {}
        self.sent: dict[int, tuple[int, tuple[str, bool, str | None]]] = {}

    def carried_over(self) -> None:
        """Note that everything was extracted, built and applied now."""
        otrs = self.otrs
        loaded = {number for number, ticket in otrs.tickets.items() if ticket.state != "removed"}
        for number in sorted(loaded):
            articles = sorted(
                (
                    article
                    for article in otrs.articles.values()
                    if article.ticket in loaded and self._home(article, loaded) == number
                ),
                key=lambda article: article.number,
            )
            if number not in self.conversations:
                self.conversations[number] = self._begun(articles)
            self._send(number, articles)
            self.conversations[number].fields = self._fields(otrs.tickets[number])

    def fields_of(self, conversation: Conversation) -> dict[str, object]:
        """Return the fields of a conversation; its contact follows a renamed login whatever happens to the ticket."""
        contact = self.otrs.customers[int(str(conversation.fields["contact"]))].login
        return conversation.fields | {"contact": contact}

    def _home(self, article: Article, loaded: Iterable[int]) -> int:
        home = self.sent.get(article.number, (article.ticket,))[0]
        return home if home in loaded else article.ticket

    def _begun(self, articles: list[Article]) -> Conversation:
        conversation = Conversation()
        if articles and articles[0].kind == "contact":
            opening = articles[0]
            conversation.opening = (opening.text,)
            self.sent[opening.number] = (opening.ticket, opening.value)
            if opening.file:
                conversation.messages.append(Message("contact", (opening.file[:10],), (opening.file,)))
        return conversation

    def _send(self, ticket: int, articles: list[Article]) -> None:
        for article in articles:
            if self.sent.get(article.number) != (ticket, article.value):
                files = (article.file,) if article.file else ()
                self.conversations[ticket].messages.append(Message(article.kind, (article.text,), files))
                self.sent[article.number] = (ticket, article.value)

    def _fields(self, ticket: Ticket) -> dict[str, object]:
        customer = self.otrs.customers[ticket.customer]
        snoozed = ticket.state == "pending reminder" and ticket.until == FUTURE
        closed = ticket.state in {"closed successful", "merged"}
        return {
            "contact": ticket.customer,
            "title": ticket.title,
            "state": "closed" if closed else "snoozed" if snoozed else "open",
            "snoozed_until": FUTURE if snoozed else None,
            "team": QUEUES[ticket.queue],
            "teammate": OWNERS[ticket.owner],
            "company": customer.company,
            "queue": QUEUES[ticket.queue],
            "priority": PRIORITIES[ticket.priority],
            "tags": [SLAS[ticket.sla]] if ticket.sla else [],
        }


def address(customer: int) -> str:
    """A customer's mail address."""
    return f"person{customer}@example.com"


def at(minutes: int) -> str:
    """A time, as OTRS writes it."""
    return f"{START + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"
