"""A ticket of OTRS with its articles and its history, before it becomes rows."""

from dataclasses import dataclass, field
from typing import Final

from otrs2intercom.sample.clock import stamp
from otrs2intercom.sample.files import Part

AGENT, SYSTEM, CUSTOMER = 1, 2, 3
"""Ids of `article_sender_type`."""

EMAIL, PHONE, INTERNAL, CHAT = 1, 2, 3, 4
"""Ids of `communication_channel`."""

NEW, CLOSED, UNSOLVED, OPEN, REMOVED, PENDING = range(1, 7)
AUTO_CLOSE, AUTO_CLOSE_UNSOLVED, MERGED = range(7, 10)
OWN_PENDING, OWN_CLOSED = 10, 11
STATES: Final = {
    NEW: "new",
    CLOSED: "closed successful",
    UNSOLVED: "closed unsuccessful",
    OPEN: "open",
    REMOVED: "removed",
    PENDING: "pending reminder",
    AUTO_CLOSE: "pending auto close+",
    AUTO_CLOSE_UNSOLVED: "pending auto close-",
    MERGED: "merged",
    OWN_PENDING: "waiting for supplier",
    OWN_CLOSED: "closed with workaround",
}
"""The states of the initial insert and two of this organisation's own, the last of them invalid by now."""

TYPE_NEW, TYPE_OPEN, TYPE_CLOSED, TYPE_PENDING, TYPE_AUTO, TYPE_REMOVED, TYPE_MERGED = range(1, 8)
STATE_TYPES: Final = {
    NEW: TYPE_NEW,
    CLOSED: TYPE_CLOSED,
    UNSOLVED: TYPE_CLOSED,
    OPEN: TYPE_OPEN,
    REMOVED: TYPE_REMOVED,
    PENDING: TYPE_PENDING,
    AUTO_CLOSE: TYPE_AUTO,
    AUTO_CLOSE_UNSOLVED: TYPE_AUTO,
    MERGED: TYPE_MERGED,
    OWN_PENDING: TYPE_PENDING,
    OWN_CLOSED: TYPE_CLOSED,
}
PRIORITIES: Final = {1: "1 very low", 2: "2 low", 3: "3 normal", 4: "4 high", 5: "5 very high"}
TYPES: Final = {1: "Unclassified", 2: "Incident", 3: "Service Request", 4: "Änderung"}


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A row of `article_data_otrs_chat`, its columns from `chat_participant_id` to `system_generated`."""

    participant: str
    name: str
    kind: str
    text: str
    system_generated: int


@dataclass(slots=True)
class Article:
    """An article with everything that hangs on it; `id` is set when it is written, `at` in Unix seconds."""

    at: int
    sender: int
    channel: int
    visible: bool
    author: int
    a_from: str = ""
    a_to: str = ""
    a_cc: str = ""
    a_bcc: str = ""
    subject: str = ""
    body: str | None = ""
    parts: list[Part] = field(default_factory=list)
    charset: str = "utf-8"
    message_id: str = ""
    in_reply_to: str = ""
    references: str = ""
    chat: list[ChatLine] = field(default_factory=list)
    minutes: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """A row of `ticket_history`: what happened, and how the ticket stood then."""

    at: int
    kind: str
    name: str
    by: int
    state: int
    queue: int
    owner: int
    priority: int
    type_id: int
    article: Article | None


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A row of `dynamic_field_value`: one of the three values is set, `date` as text."""

    field_id: int
    text: str | None = None
    date: str | None = None
    number: int | None = None


@dataclass(slots=True)
class Ticket:
    """A ticket as it stands at the end. Times in Unix seconds."""

    id: int
    number: int
    tn: str
    created: int
    title: str | None
    queue: int
    type_id: int
    priority: int
    customer_id: str | None
    customer_user: str | None
    state: int = NEW
    owner: int = 1
    responsible: int = 1
    locked: bool = False
    service: int | None = None
    sla: int | None = None
    until: int = 0
    timeout: int = 0
    archived: bool = False
    created_by: int = 1
    changed: int = 0
    changed_by: int = 1
    articles: list[Article] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    values: list[FieldValue] = field(default_factory=list)
    watchers: list[int] = field(default_factory=list)

    def log(self, at: int, kind: str, name: str, by: int, article: Article | None = None) -> None:
        """Note an event; `name` is cut at 200 characters, as the column is."""
        self.events.append(
            Event(
                at,
                kind,
                name[:200],
                by,
                self.state,
                self.queue,
                self.owner,
                self.priority,
                self.type_id,
                article,
            )
        )

    def set_state(self, at: int, state: int, by: int, until: int = 0) -> None:
        """Change the state as OTRS does, which notes the pending time with every change."""
        if state == self.state:
            return
        old, self.state = self.state, state
        self.log(at, "StateUpdate", f"%%{STATES[old]}%%{STATES[state]}%%", by)
        shown = stamp(until)[:16] if until else "00-00-00 00:00"
        self.log(at, "SetPendingTime", f"%%{shown}", by)
        if until:
            self.until = until

    def unlock(self, at: int, by: int) -> None:
        """Take the lock away, if there is one."""
        if self.locked:
            self.locked = False
            self.log(at, "Unlock", "%%unlock", by)

    def settle(self) -> None:
        """Bring the history into order and take the time of change from it."""
        self.events.sort(key=lambda event: event.at)
        self.changed, self.changed_by = self.events[-1].at, self.events[-1].by


def merge(main: Ticket, merged: Ticket, at: int, by: int) -> None:
    """Merge the second ticket into the first, as OTRS's TicketMerge does.

    All articles, with the events about them, move to the main ticket. The merged one keeps a note and
    gets the state "merged".
    """
    main.events += [event for event in merged.events if event.article]
    merged.events = [event for event in merged.events if not event.article]
    main.articles = sorted(main.articles + merged.articles, key=lambda article: article.at)
    text = f"Merged Ticket {merged.tn} to {main.tn}."
    note = Article(at, AGENT, INTERNAL, visible=True, author=by, subject="Ticket Merged", body=text)
    merged.articles = [note]
    merged.log(at, "AddNote", "%%Note", by, note)
    for ticket, other in ((merged, main), (main, merged)):
        ticket.log(at, "Merged", f"%%{merged.tn}%%{merged.id}%%{main.tn}%%{main.id}", by)
        ticket.log(at, "TicketLinkAdd", f"%%{other.tn}%%{other.id}%%{ticket.id}", by)
    merged.set_state(at, MERGED, by)
    merged.unlock(at, by)
    main.watchers, merged.watchers = sorted({*main.watchers, *merged.watchers}), []
    main.settle()
    merged.settle()
