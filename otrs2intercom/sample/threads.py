"""Makes up the course of one ticket: who opens it, what follows, how it ends.

A ticket is a function of the seed and its number. Some numbers have a case of their own (`SPECIAL`), so that
200 tickets already hold every oddity; the rest is drawn.
"""

from typing import Final

from otrs2intercom.sample import articles, configuration
from otrs2intercom.sample.articles import FOLLOWING, Thread
from otrs2intercom.sample.basics import QUEUE_BY_ID, QUEUES_THAT_REPLY, SERVICES, SLAS
from otrs2intercom.sample.clock import DAY, REFERENCE, START, stamp
from otrs2intercom.sample.dice import Dice
from otrs2intercom.sample.model import (
    AGENT,
    AUTO_CLOSE,
    AUTO_CLOSE_UNSOLVED,
    CLOSED,
    OPEN,
    OWN_CLOSED,
    OWN_PENDING,
    PENDING,
    PRIORITIES,
    REMOVED,
    STATE_TYPES,
    STATES,
    TYPE_CLOSED,
    TYPES,
    UNSOLVED,
    FieldValue,
    Ticket,
)
from otrs2intercom.sample.people import AGENT_BY_ID, LEAVER, WORKING_AGENTS, Customer, People
from otrs2intercom.sample.texts import LANGUAGES, LATIN_1, NOTES, fill

CYCLE: Final = 200
SPECIAL: Final = {
    3: "twelve files",
    5: "large file",
    7: "second customer",
    11: "agent first",
    13: "chat",
    17: "tricky text",
    19: "customer's file-2",
    23: "no articles",
    29: "removed",
    31: "archived",
    37: "no customer",
    41: "unknown sender",
    43: "pending past",
    47: "pending future",
    49: "merge target",
    50: "merged",
    53: "html only",
    59: "latin-1",
    61: "empty body",
    67: "no text",
    71: "back-dated",
    73: "inline image",
    77: "long body",
    79: "same names",
    83: "foreign names",
    89: "empty file",
    97: "deleted login",
    101: "monitoring",
    103: "long title",
    107: "null body",
    109: "agent's inline image",
    113: "empty title",
    117: "null title",
    121: "other case",
    127: "long thread",
    129: "removed",
    131: "own closed state",
    137: "own pending state",
    139: "broken part types",
    143: "portal",
    147: "process",
    149: "merge target",
    150: "merged",
    151: "auto close",
    153: "auto close unsolved",
    157: "invalid queue",
    163: "many scripts",
    167: "phone",
}
"""What the n-th ticket of every 200 is about."""

_LEFT_AT: Final = START + 400 * DAY
_LONGEST: Final = 12
_LONG_CAUSE: Final = 3
"""Every how many tickets a cause, if there is one, is longer than 255 characters."""
_LEAST_ARTICLES: Final = {
    "no articles": 0,
    "long thread": _LONGEST,
    "second customer": 3,
    "back-dated": 4,
    "merged": 3,
    "agent's inline image": 3,
}
_OPENINGS: Final = {
    "mail": articles.customer_mail,
    "agent first": articles.agent_mail,
    "chat": articles.chat,
    "phone": articles.call_from_customer,
    "portal": articles.portal_request,
    "monitoring": articles.monitoring_mail,
}


def make_ticket(seed: int, number: int, ident: int, people: People, tn: str, created: int) -> Ticket:
    """Make up a ticket.

    Args:
        seed: the seed of the sample.
        number: counts from 1; decides about the special cases.
        ident: the id of the ticket.
        people: the customers to draw from.
        tn: the ticket number that customers see.
        created: when it was opened, Unix seconds.
    """
    special = SPECIAL.get(number % CYCLE, "")
    if special == "large file" and number > CYCLE:
        special = ""  # one is enough; a large sample would grow by a gigabyte
    thread = _open(seed, number, special, people)
    thread.clock = created
    ticket = thread.ticket
    ticket.id, ticket.tn, ticket.created = ident, tn, created
    _first_contact(thread)
    if ticket.articles:
        _go_on(thread, people)
    _end(thread)
    _reopen_or_archive(thread)
    if special == "back-dated":
        ticket.articles[-1].at = max(ticket.created, ticket.articles[-2].at - 1800)
    _change_priority(thread)
    _fill_fields(thread)
    _watch(thread)
    ticket.settle()
    return ticket


def _open(seed: int, number: int, special: str, people: People) -> Thread:
    dice = Dice(f"{seed}/ticket/{number}")
    # whoever wrote twice about the same gets his tickets merged
    writer = Dice(f"{seed}/ticket/{number - 1}") if special == "merged" else dice
    customer, customer_id, login, sender = _who(writer, special, people)
    language = customer.language if customer else "de"
    if special == "latin-1" and language not in LATIN_1:
        language = "de"
    order = str(dice.randrange(1000, 10**6))
    subject = fill(dice, dice.choice(LANGUAGES[language].problems)[0], order)
    if special == "long title":
        subject = (f"{subject}: " + "very long subject, " * 20)[:250]
    elif special == "empty title":
        subject = ""
    queue = 10 if special == "invalid queue" else dice.weighted({1: 2, 5: 35, 6: 25, 7: 13, 8: 15, 9: 10})
    ticket = Ticket(
        id=0,
        number=number,
        tn="",
        created=0,
        title=None if special == "null title" else subject,
        queue=queue,
        type_id=dice.weighted({1: 20, 2: 45, 3: 30, 4: 5}),
        priority=dice.weighted({1: 5, 2: 10, 3: 65, 4: 15, 5: 5}),
        customer_id=customer_id,
        customer_user=login,
    )
    agent = dice.choice(WORKING_AGENTS)
    return Thread(ticket, dice, special, 0, language, order, subject, customer, sender, agent)


def _who(dice: Dice, special: str, people: People) -> tuple[Customer | None, str | None, str | None, str]:
    """Choose the customer: the row (if there is one), customer_id, customer_user_id and the From line."""
    kind = dice.weighted({"known": 88, "unknown sender": 7, "no customer": 2, "deleted login": 1, "moved": 2})
    if special:
        kind = {"monitoring": "unknown sender"}.get(special, special)
    if kind == "no customer":
        return None, None, None, "MAILER-DAEMON"
    if kind == "unknown sender":
        address = f"Unknown.Sender{dice.randrange(400)}@example.org"
        address = address.lower() if dice.chance(0.3) else address  # kept as the mail has it
        return None, address, address, f'"Unknown Sender" <{address}>'
    if kind == "deleted login":
        return None, "10001", f"deleted.login{dice.randrange(50)}", '"Gone Person" <gone.person@example.com>'
    person = people.customer(int(people.customers * dice.random() ** 1.5))  # some write more often than others
    login = person.login.upper() if kind == "other case" else person.login
    company = people.company_id(dice.randrange(people.companies)) if kind == "moved" else person.customer_id
    return person, company, login, person.sender


def _first_contact(thread: Thread) -> None:
    ticket, dice = thread.ticket, thread.dice
    start = thread.special if thread.special in _OPENINGS or thread.special == "no articles" else "mail"
    if not thread.special and thread.customer:
        start = dice.weighted({"mail": 66, "phone": 14, "portal": 11, "agent first": 7, "chat": 2})
    if ticket.created < _LEFT_AT and dice.chance(0.2):
        thread.agent = AGENT_BY_ID[LEAVER]
    if start in {"agent first", "chat", "phone", "no articles"}:
        ticket.created_by = ticket.owner = thread.agent.id
    if start == "agent first":
        ticket.state, ticket.locked = OPEN, True
    _log_creation(thread)
    if start in _OPENINGS:
        _OPENINGS[start](thread)
    if start == "mail" and ticket.queue in QUEUES_THAT_REPLY and "@" in thread.sender:
        articles.auto_reply(thread)


def _log_creation(thread: Thread) -> None:
    ticket, dice, at, by = thread.ticket, thread.dice, thread.clock, thread.ticket.created_by
    queue, priority, state = QUEUE_BY_ID[ticket.queue].name, PRIORITIES[ticket.priority], STATES[ticket.state]
    ticket.log(at, "NewTicket", f"%%{ticket.tn}%%{queue}%%{priority}%%{state}%%{ticket.id}", by)
    service = sla = "NULL%%"
    if dice.chance(0.3):
        ticket.service = dice.choice(tuple(SERVICES))
        service = f"{SERVICES[ticket.service]}%%{ticket.service}"
        if dice.chance(0.75):
            ticket.sla = dice.choice(tuple(SLAS))
            sla = f"{SLAS[ticket.sla][0]}%%{ticket.sla}"
    ticket.log(at, "ServiceUpdate", f"%%{service}%%NULL%%", by)
    ticket.log(at, "SLAUpdate", f"%%{sla}%%NULL%%", by)
    ticket.log(at, "TypeUpdate", f"%%{TYPES[ticket.type_id]}%%{ticket.type_id}", by)
    if ticket.customer_user:
        customer = f"%%CustomerID={ticket.customer_id};CustomerUser={ticket.customer_user};"
        ticket.log(at, "CustomerUpdate", customer, by)


def _go_on(thread: Thread, people: People) -> None:
    ticket, dice = thread.ticket, thread.dice
    least = _LEAST_ARTICLES.get(thread.special, 1)
    target = min(_LONGEST, max(least, int(dice.gammavariate(2.0, 1.9))))
    if thread.special == "second customer":
        thread.wait()
        articles.second_customer_mail(thread, people)
    while len(ticket.articles) < target:
        thread.wait()
        answered = any(article.sender == AGENT and article.visible for article in ticket.articles)
        if thread.special == "agent's inline image" and not answered:
            articles.agent_mail(thread)
            continue
        step = articles.agent_mail if not answered and dice.chance(0.6) else dice.weighted(FOLLOWING)
        if step is articles.customer_mail and not thread.customer:
            step = articles.note
        step(thread)


def _end(thread: Thread) -> None:
    """Bring the ticket to the state it is in today."""
    ticket, dice, special = thread.ticket, thread.dice, thread.special
    at, by = thread.wait(), thread.agent.id
    young = REFERENCE - ticket.created < 120 * DAY
    end = dice.weighted(
        {
            "closed": 58,
            "unsolved": 8,
            "own closed state": 2,
            "pending past": 6,
            "pending future": 20 if young else 1,
            "auto close": 2,
            "as it is": 23 if young else 5,
        }
    )
    if special in {"archived", "second customer"}:
        end = "closed"
    elif special:
        end = special if special in _STATE_OF else end
    if end in _STATE_OF:
        waits = {
            "pending future": REFERENCE + dice.randrange(1, 90) * DAY,
            "own pending state": REFERENCE + 30 * DAY,
            "pending past": min(at + dice.randrange(1, 20) * DAY, REFERENCE - 1),
            "auto close": at + 14 * DAY,
            "auto close unsolved": at + 14 * DAY,
        }
        ticket.set_state(at, _STATE_OF[end], by, until=waits.get(end, 0))


_STATE_OF: Final = {
    "closed": CLOSED,
    "unsolved": UNSOLVED,
    "own closed state": OWN_CLOSED,
    "own pending state": OWN_PENDING,
    "pending past": PENDING,
    "pending future": PENDING,
    "auto close": AUTO_CLOSE,
    "auto close unsolved": AUTO_CLOSE_UNSOLVED,
    "removed": REMOVED,
}


def _reopen_or_archive(thread: Thread) -> None:
    ticket, dice = thread.ticket, thread.dice
    if STATE_TYPES[ticket.state] != TYPE_CLOSED:
        return
    ticket.unlock(thread.clock, 1)
    age = REFERENCE - ticket.created
    if thread.special == "archived" or (age > 500 * DAY and dice.chance(0.3)):
        ticket.archived = True
        ticket.log(thread.wait(), "ArchiveFlagUpdate", "%%y", 1)
    elif thread.customer and not thread.special and len(ticket.articles) < _LONGEST and dice.chance(0.06):
        closed = ticket.state
        thread.wait()
        articles.customer_mail(thread)
        ticket.set_state(thread.clock, OPEN, 1)
        ticket.set_state(thread.wait(), closed, thread.agent.id)


def _change_priority(thread: Thread) -> None:
    ticket, dice = thread.ticket, thread.dice
    new = dice.choice(tuple(PRIORITIES))
    if new != ticket.priority and dice.chance(0.1):
        old, ticket.priority = ticket.priority, new
        name = f"%%{PRIORITIES[old]}%%{old}%%{PRIORITIES[new]}%%{new}"
        ticket.log(thread.clock, "PriorityUpdate", name, thread.agent.id)


def _fill_fields(thread: Thread) -> None:
    ticket, dice = thread.ticket, thread.dice
    # "expired" isn't among the possible values any more; "no" is read as false by careless YAML readers
    warranty = dice.choice(("yes", "no", "0", "yes::extended", "expired"))
    systems = dice.sample(("crm", "erp", "mail", "web;shop|1", "öffentlich"), dice.randrange(1, 4))
    due = f"{stamp(ticket.created + dice.randrange(1, 30) * DAY)[:10]} 00:00:00"
    visit = stamp((ticket.created + dice.randrange(1, 20) * DAY) // 900 * 900)
    cause = f"Zeile 1: {dice.choice(NOTES)}\nZeile 2\n\nZeile 4"
    if ticket.number % _LONG_CAUSE == 0:
        cause = "\n".join([cause] * 8)  # longer than an attribute of other systems may be
    drawn = (
        (0.40, [FieldValue(configuration.FIELD_TEXT, text=thread.order)]),
        (0.15, [FieldValue(configuration.FIELD_AREA, text=cause)]),
        (0.30, [FieldValue(configuration.FIELD_CHECK, number=dice.randrange(2))]),
        (0.30, [FieldValue(configuration.FIELD_DROP, text=warranty)]),
        (0.25, [FieldValue(configuration.FIELD_MULTI, text=system) for system in systems]),
        (0.20, [FieldValue(configuration.FIELD_DATE, date=due)]),
        (0.15, [FieldValue(configuration.FIELD_TIME, date=visit)]),
        (0.02, [FieldValue(configuration.FIELD_RETIRED, text=f"ALT-{ticket.number}")]),
        (
            float(thread.special == "process"),
            [FieldValue(configuration.FIELD_PROCESS, text=configuration.PROCESS)],
        ),
        (
            float(thread.special == "process"),
            [FieldValue(configuration.FIELD_ACTIVITY, text=configuration.ACTIVITIES[0])],
        ),
    )
    at = ticket.articles[0].at if ticket.articles else ticket.created
    for share, values in drawn:
        if dice.chance(share):
            ticket.values += values
            shown = ", ".join(str(value.text or value.date or value.number or 0) for value in values)
            name = f"%%FieldName%%{configuration.FIELD_NAMES[values[0].field_id]}%%Value%%{shown}%%OldValue%%"
            ticket.log(at, "TicketDynamicFieldUpdate", name, 1)


def _watch(thread: Thread) -> None:
    ticket, dice = thread.ticket, thread.dice
    if dice.chance(0.06) and not ticket.archived:  # archiving takes the watchers away
        ticket.watchers = sorted({agent.id for agent in dice.choices(WORKING_AGENTS, k=2)})
        for watcher in ticket.watchers:
            ticket.log(thread.clock, "Subscribe", f"%%{AGENT_BY_ID[watcher].full_name}", watcher)
