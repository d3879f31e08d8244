"""Writes the whole sample: the tables, what stands in them before the first ticket, and ticket after ticket.

Exceptions:

    SampleError
    ├── InvalidSampleError     the arguments make no sense
    └── TargetInUseError       the database already holds tables of an OTRS
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from otrs2intercom.sample.basics import write_basics, write_customers
from otrs2intercom.sample.clock import DAY, REFERENCE, START, stamp
from otrs2intercom.sample.config_items import write_config_items
from otrs2intercom.sample.configuration import write_configuration
from otrs2intercom.sample.dice import Dice
from otrs2intercom.sample.model import Ticket, merge
from otrs2intercom.sample.people import WORKING_AGENTS, People
from otrs2intercom.sample.processes import write_processes
from otrs2intercom.sample.rows import RowWriter
from otrs2intercom.sample.schema import FOREIGN_TELL_TALES, metadata
from otrs2intercom.sample.threads import CYCLE, SPECIAL, make_ticket
from otrs2intercom.sample.ticket_rows import NORMAL, PARENT_CHILD, TEMPORARY, VALID, write_link, write_ticket

_FIRST_TICKET: Final = START + DAY
_REPORT_EVERY: Final = 100
_LINKED: Final = 25
_GAP: Final = 3
_GAP_EVERY: Final = 40


class SampleError(Exception):
    """The sample could not be written; the message says why and what to do."""

    exit_code = 3


class InvalidSampleError(SampleError, ValueError):
    """The arguments make no sense."""

    exit_code = 2


class TargetInUseError(SampleError):
    """The database already holds tables of an OTRS; nothing was changed."""


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written.

    `attachments` counts files as people see them, inline images included; the pseudo-attachments that hold a
    body are `body_parts`. `rows` has the number of rows of every table.
    """

    tickets: int
    merged_tickets: int
    removed_tickets: int
    archived_tickets: int
    articles: int
    chat_articles: int
    attachments: int
    attachment_bytes: int
    body_parts: int
    raw_mails: int
    customers: int
    companies: int
    agents: int
    rows: Mapping[str, int]


def write_sample(
    url: str, tickets: int = 200, seed: int = 1, *, on_progress: Callable[[int, int], None] | None = None
) -> SampleSummary:
    """Write an OTRS 6 database with generated people, tickets and files.

    The same seed and number give the same rows on every engine. The clock isn't asked: the newest row is from
    before 2026-11-01. Rows are written in batches, so memory doesn't grow with the number of tickets.

    Args:
        url: where to write, as SQLAlchemy has it: `sqlite:///sample.db`, `mysql+pymysql://…`, `postgresql+psycopg://…`.
            The database must exist (SQLite makes its file).
        tickets: how many tickets, at least 1.
        seed: another seed gives other people and other tickets.
        on_progress: called now and then with the number of tickets written and of all.

    Returns:
        What was written, in numbers.

    Raises:
        InvalidSampleError: the number of tickets isn't positive, or the URL isn't one.
        TargetInUseError: there are tables of an OTRS already. Nothing is ever dropped.
        SampleError: the database can't be reached.
    """
    if tickets < 1:
        raise InvalidSampleError(f"A sample needs at least 1 ticket, not {tickets}. Ask for --tickets 1 or more.")
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            _refuse_used(connection, engine)
            if connection.dialect.name == "sqlite":
                # a file that a crash spoils is simply written again
                connection.exec_driver_sql("PRAGMA synchronous = OFF")
            metadata.create_all(connection)
            connection.commit()
            return _Sample(connection, tickets, seed, on_progress).write()
    except OperationalError as error:
        raise SampleError(
            f"Can't write to {engine.url.render_as_string(hide_password=True)}: {error.orig}. "
            "Check that the server runs and the database exists."
        ) from error
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        # positional parameters, so that rows can be plain tuples
        if parsed.get_backend_name() == "sqlite":
            return create_engine(parsed)
        return create_engine(parsed, paramstyle="format")
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidSampleError(
            f"{error}. Use an address such as sqlite:///sample.db or mysql+pymysql://user@host/database."
        ) from error


def _refuse_used(connection: Connection, engine: Engine) -> None:
    ours = {name.lower() for name in metadata.tables} | FOREIGN_TELL_TALES
    found = sorted(name for name in inspect(connection).get_table_names() if name.lower() in ours)
    if found:
        raise TargetInUseError(
            f"{engine.url.render_as_string(hide_password=True)} already holds tables of an OTRS "
            f"({', '.join(found[:5])}{', …' if len(found) > 5 else ''}). "  # noqa: PLR2004 - five make the point
            "The sample is only written to an empty database: name another one."
        )


class _Sample:
    """One run: the counters that go over from ticket to ticket."""

    def __init__(
        self, connection: Connection, tickets: int, seed: int, on_progress: Callable[[int, int], None] | None
    ) -> None:
        self.out = RowWriter(connection)
        self.tickets = tickets
        self.seed = seed
        self.on_progress = on_progress
        self.people = People(seed, customers=max(20, tickets // 4), companies=max(5, tickets // 20))
        self.totals: Counter[str] = Counter()
        self._day = ""
        self._number_of_day = 0

    def write(self) -> SampleSummary:
        """Write all of it."""
        write_basics(self.out)
        write_configuration(self.out)
        write_processes(self.out)
        write_customers(self.out, self.people)
        write_config_items(self.out, self.people)
        earlier: Ticket | None = None
        for done, ticket in enumerate(self._all_tickets(), start=1):
            write_ticket(self.out, self.totals, ticket)
            if earlier and ticket.number % _LINKED == 0:
                self._link(earlier, ticket)
            if ticket.number % _LINKED == _LINKED - 3:
                earlier = ticket
            self.out.flush_if_full()
            if self.on_progress and (done % _REPORT_EVERY == 0 or done == self.tickets):
                self.on_progress(done, self.tickets)
        self.out.flush()
        return self._summary()

    def _all_tickets(self) -> Iterator[Ticket]:
        number = 0
        while number < self.tickets:
            number += 1
            ticket = self._make(number)
            if SPECIAL.get(number % CYCLE) != "merge target" or number == self.tickets:
                yield ticket
                continue
            number += 1
            other = self._make(number)
            at = min(max(ticket.changed, other.changed) + 600, REFERENCE - 1)
            merge(ticket, other, at, WORKING_AGENTS[0].id)
            write_link(self.out, ticket.id, other.id, PARENT_CHILD, VALID, at)
            yield from (ticket, other)

    def _make(self, number: int) -> Ticket:
        slot = (REFERENCE - DAY - _FIRST_TICKET) / self.tickets
        created = int(_FIRST_TICKET + (number - 1 + Dice(f"{self.seed}/time/{number}").random()) * slot)
        ident = self.out.next_id("ticket", _GAP if number % _GAP_EVERY == 0 else 1)
        return make_ticket(self.seed, number, ident, self.people, self._ticket_number(created), created)

    def _ticket_number(self, created: int) -> str:
        """Number as DateChecksum does: date, SystemID 10, counter of the day, check digit."""
        day = stamp(created)[:10].replace("-", "")
        self._number_of_day = self._number_of_day + 1 if day == self._day else 1
        self._day = day
        digits = f"{day}10{self._number_of_day:05d}"
        check = 10 - sum(int(digit) * (1 + place % 2) for place, digit in enumerate(digits)) % 10
        return f"{digits}{check % 10 or 1}"  # OTRS makes a 1 of a 10

    def _link(self, earlier: Ticket, ticket: Ticket) -> None:
        """Link tickets now and then: as parent and child, plainly, or by a link that was never finished."""
        turn = ticket.number // _LINKED % 3
        kind = PARENT_CHILD if turn == 0 else NORMAL
        state = TEMPORARY if turn == 2 else VALID  # noqa: PLR2004 - the third of three
        write_link(self.out, earlier.id, ticket.id, kind, state, ticket.changed)

    def _summary(self) -> SampleSummary:
        counts, totals = self.out.counts, self.totals
        return SampleSummary(
            tickets=counts["ticket"],
            merged_tickets=totals["merged"],
            removed_tickets=totals["removed"],
            archived_tickets=totals["archived"],
            articles=counts["article"],
            chat_articles=totals["chat"],
            attachments=totals["files"],
            attachment_bytes=totals["bytes"],
            body_parts=totals["body parts"],
            raw_mails=counts["article_data_mime_plain"],
            customers=counts["customer_user"],
            companies=counts["customer_company"],
            agents=counts["users"],
            rows=MappingProxyType({name: counts[name] for name in metadata.tables}),
        )
