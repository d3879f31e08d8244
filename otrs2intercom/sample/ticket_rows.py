"""Turns tickets into rows, and counts what a reader of the sample will want to compare with."""

import hashlib
from collections import Counter
from dataclasses import astuple
from typing import Final

from otrs2intercom.sample.basics import HISTORY_ID, QUEUE_BY_ID, SLAS
from otrs2intercom.sample.clock import audit, stamp
from otrs2intercom.sample.configuration import FIELD_ARTICLE
from otrs2intercom.sample.files import Part
from otrs2intercom.sample.mails import Envelope, raw_mail
from otrs2intercom.sample.model import (
    AGENT,
    EMAIL,
    MERGED,
    REMOVED,
    STATE_TYPES,
    TYPE_CLOSED,
    TYPE_MERGED,
    TYPE_REMOVED,
    Article,
    Event,
    Ticket,
)
from otrs2intercom.sample.rows import RowWriter

NORMAL, PARENT_CHILD = 1, 2
"""Ids of `link_type`."""

VALID, TEMPORARY = 1, 2
"""Ids of `link_state`; a temporary link is one whose making was broken off."""

_DELIVERED: Final = 20
"""Every how many tickets the first article has a dynamic field of its own."""

_DONE: Final = frozenset({TYPE_CLOSED, TYPE_REMOVED, TYPE_MERGED})


def write_ticket(out: RowWriter, totals: Counter[str], ticket: Ticket) -> None:
    """Write a ticket with its articles, history, values, watchers and flags."""
    response, update, solution = _escalations(ticket)
    first = min((time for time in (response, update, solution) if time), default=0)
    out.add(
        *("ticket", ticket.id, ticket.tn, ticket.title, ticket.queue, 2 if ticket.locked else 1),
        *(ticket.type_id, ticket.service, ticket.sla, ticket.owner, ticket.responsible, ticket.priority),
        *(ticket.state, ticket.customer_id, ticket.customer_user, ticket.timeout, ticket.until),
        *(first, update, response, solution, int(ticket.archived)),
        *(stamp(ticket.created), ticket.created_by, stamp(ticket.changed), ticket.changed_by),
    )
    for article in ticket.articles:
        _write_article(out, totals, ticket, article)
    for event in ticket.events:
        _write_event(out, ticket, event)
    for value in ticket.values:
        number = out.next_id("dynamic_field_value")
        row = (value.field_id, ticket.id, value.text, value.date, value.number)
        out.add("dynamic_field_value", number, *row)
    if ticket.articles and ticket.number % _DELIVERED == 0:
        number = out.next_id("dynamic_field_value")
        note = f"LS-{ticket.number:06d}"
        out.add("dynamic_field_value", number, FIELD_ARTICLE, ticket.articles[0].id, note, None, None)
    for watcher in ticket.watchers:
        out.add("ticket_watcher", ticket.id, watcher, *audit(ticket.changed, watcher))
    if _seen_by_owner(ticket):
        out.add("ticket_flag", ticket.id, "Seen", "1", stamp(ticket.changed), ticket.owner)
    totals["merged"] += ticket.state == MERGED
    totals["removed"] += ticket.state == REMOVED
    totals["archived"] += ticket.archived


def write_link(out: RowWriter, source: int, target: int, kind: int, state: int, at: int) -> None:
    """Write a link between two tickets; of a parent and its child, the source is the parent."""
    out.add("link_relation", 1, str(source), 1, str(target), kind, state, stamp(at), 1)


def _escalations(ticket: Ticket) -> tuple[int, int, int]:
    """Until when to respond, update and solve: Unix seconds, 0 = nothing; here, nights count too."""
    if STATE_TYPES[ticket.state] in _DONE:
        return 0, 0, 0
    queue = QUEUE_BY_ID[ticket.queue]
    times = (queue.first_response, queue.update, queue.solution)
    if ticket.sla:
        _, *minutes = SLAS[ticket.sla]
        times = (minutes[0], minutes[1], minutes[2])
    response, update, solution = (ticket.created + 60 * minutes if minutes else 0 for minutes in times)
    answered = any(article.sender == AGENT and article.visible for article in ticket.articles)
    return 0 if answered else response, update, solution


def _write_event(out: RowWriter, ticket: Ticket, event: Event) -> None:
    at, article = stamp(event.at), event.article
    out.add(
        *("ticket_history", out.next_id("ticket_history"), event.name, HISTORY_ID[event.kind], ticket.id),
        *(article.id if article else None, event.type_id, event.queue, event.owner, event.priority),
        *(event.state, at, event.by, at, event.by),
    )


def _write_article(out: RowWriter, totals: Counter[str], ticket: Ticket, article: Article) -> None:
    ident = article.id = out.next_id("article", 3 if article.at % 53 == 0 else 1)
    times = audit(article.at, article.author)
    fingerprint = f"4711-{article.at:010d}{ident:022d}"
    kind = (article.sender, article.channel, int(article.visible))
    out.add("article", ident, ticket.id, *kind, 0, fingerprint, *times)
    if article.minutes:
        number = out.next_id("time_accounting")
        out.add("time_accounting", number, ticket.id, ident, article.minutes, *times)
    if _seen_by_owner(ticket):
        out.add("article_flag", ident, "Seen", "1", stamp(article.at), ticket.owner)
    if article.chat:
        totals["chat"] += 1
        for offset, line in enumerate(article.chat):
            number = out.next_id("article_data_otrs_chat")
            out.add("article_data_otrs_chat", number, ident, *astuple(line), stamp(article.at + 20 * offset))
        return
    out.add(
        *("article_data_mime", out.next_id("article_data_mime"), ident),
        *(article.a_from, "", article.a_to, article.a_cc, article.a_bcc, article.subject),
        *(article.message_id, _md5(article.message_id), article.in_reply_to, article.references),
        *("text/plain; charset=utf-8", article.body, article.at, times[0][:10].replace("-", "/"), *times),
    )
    if article.channel == EMAIL:
        _write_raw_mail(out, article)
    for part in article.parts:
        _write_part(out, totals, article, part)


def _write_raw_mail(out: RowWriter, article: Article) -> None:
    envelope = Envelope(
        sender=article.a_from,
        to=article.a_to,
        cc=article.a_cc,
        subject=article.subject,
        message_id=article.message_id,
        in_reply_to=article.in_reply_to,
        references=article.references,
        sent_at=article.at,
    )
    mail = raw_mail(envelope, article.body or "", article.parts)
    number = out.next_id("article_data_mime_plain")
    times = audit(article.at, article.author)
    out.add("article_data_mime_plain", number, article.id, mail, *times, size=len(mail))


def _write_part(out: RowWriter, totals: Counter[str], article: Article, part: Part) -> None:
    size = len(part.content)
    number = out.next_id("article_data_mime_attachment")
    out.add(
        *("article_data_mime_attachment", number, article.id, part.name, str(size) if part.sized else None),
        *(part.content_type, part.content_id, part.alternative, part.disposition, part.content),
        *audit(article.at, article.author),
        size=size,
    )
    if part.is_body:
        totals["body parts"] += 1
    else:
        totals["files"] += 1
        totals["bytes"] += size


def _seen_by_owner(ticket: Ticket) -> bool:
    """Archiving takes the flags away."""
    return ticket.owner != 1 and not ticket.archived


def _md5(message_id: str) -> str | None:
    """OTRS finds follow-ups by this digest of the message id."""
    return hashlib.md5(message_id.encode(), usedforsecurity=False).hexdigest() if message_id else None
