"""What a load sets off in Intercom besides the records themselves, and that nothing of it happens unasked.

An admin's reply or note has `skip_notifications` (Intercom REST 2.16, conversations: reply); without it none is
sent. Nothing else has such a switch. What the other calls may set off has a name here, and a load starts only
when a person has acknowledged each that its due calls may cause. That is noted once per plan.

Whether a side effect happens is up to the workspace and mostly not documented: those here are assumed. Every
call is looked at again just before it is sent, as it is on the wire: one that is not known here, not silenced or
not acknowledged stops the run.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from load.errors import AcknowledgeError, SettingsError, UnsilencedError
from load.screen import counted

CONTACT_MESSAGES = "contact_messages"
OUTBOUND_MESSAGES = "outbound_messages"
WORKFLOWS = "workflows"
TEAMMATE_NOTIFICATIONS = "teammate_notifications"
WEBHOOKS = "webhooks"
REPORTING_TIME = "reporting_time"
HELP_CENTRE = "help_centre"


@dataclass(frozen=True)
class Effect:
    """A side effect that the API cannot switch off.

    Attributes:
        name: by which it is acknowledged.
        meaning: what may happen.
        remedy: what to do in Intercom before the load.
    """

    name: str
    meaning: str
    remedy: str


EFFECTS = (
    Effect(
        CONTACT_MESSAGES,
        "conversations and replies in a customer's name, and a customer added to a conversation, may notify customers",
        "switch off the e-mails that Intercom sends to customers about their conversations; or build with "
        "hold_emails, so that most contacts have no address meanwhile",
    ),
    Effect(
        OUTBOUND_MESSAGES,
        "new and changed contacts and companies may enter the audience of Series, e-mails and other outbound messages",
        "pause these, or exclude the contacts from their audience",
    ),
    Effect(
        WORKFLOWS,
        "workflows, Fin, auto-replies, assignment rules and surveys run for conversations made through the API",
        "switch them off for the time of the load, or exclude these conversations in their triggers",
    ),
    Effect(
        TEAMMATE_NOTIFICATIONS,
        "teammates and teams are notified of conversations, assignments and, later, of the end of a snooze",
        "tell them, and have them switch their notifications off",
    ),
    Effect(
        WEBHOOKS,
        "subscribers of webhooks and connected apps hear of every contact, company and conversation",
        "disable the subscriptions, and have their owners ignore what the load makes",
    ),
    Effect(
        REPORTING_TIME,
        "closing, assigning, tagging and setting attributes happen now: reports, SLAs and response times show the "
        "time of the load",
        "tell those who read reports; the original times are in attributes",
    ),
    Effect(
        HELP_CENTRE,
        "collections and published articles may be visible to everybody at once",
        "make the help centre private for the time of the load; articles are drafts unless the plan says otherwise",
    ),
)
"""All of them, in the order in which they are shown (Intercom REST 2.16; help centre, article 9396032)."""

ALL = tuple(effect.name for effect in EFFECTS)
"""Their names."""

_NONE: frozenset[str] = frozenset()
_PEOPLE = frozenset({OUTBOUND_MESSAGES, WEBHOOKS})
_CHANGE = frozenset({WORKFLOWS, WEBHOOKS, REPORTING_TIME})
_ATTENTION = _CHANGE | {TEAMMATE_NOTIFICATIONS}
_MESSAGE = _ATTENTION | {CONTACT_MESSAGES}

OF_KIND: Mapping[str, frozenset[str]] = {
    "file.store": _NONE,
    "conversation_attribute.create": _NONE,
    "data_attribute.create": _NONE,
    "tag.create": _NONE,
    "company.upsert": _PEOPLE,
    "contact.upsert": _PEOPLE,
    "contact.company": _PEOPLE,
    "contact.tag": _PEOPLE,
    "contact.email": _PEOPLE,
    "conversation.create": _MESSAGE,
    "conversation.reply": _MESSAGE,
    "conversation.participant": _MESSAGE,
    "conversation.attribute": _CHANGE,
    "conversation.tag": _CHANGE,
    "conversation.assignment": _ATTENTION,
    "conversation.state": _ATTENTION,
    "collection.create": frozenset({HELP_CENTRE}),
    "article.create": frozenset({HELP_CENTRE}),
}
"""What the calls of a kind may cause at most, an undo included."""

_OF_CALL: Mapping[str, frozenset[str]] = {
    "POST /conversations/attributes": _NONE,
    "PUT /conversations/attributes/{}": _NONE,
    "DELETE /conversations/attributes/{}": _NONE,
    "POST /data_attributes": _NONE,
    "PUT /data_attributes/{}": _NONE,
    "POST /tags": _NONE,
    "DELETE /tags/{}": _NONE,
    "POST /companies": _PEOPLE,
    "PUT /companies/{}": _PEOPLE,
    "DELETE /companies/{}": _PEOPLE,
    "POST /contacts": _PEOPLE,
    "PUT /contacts/{}": _PEOPLE,
    "DELETE /contacts/{}": _PEOPLE,
    "POST /contacts/{}/archive": _PEOPLE,
    "POST /contacts/{}/unarchive": _PEOPLE,
    "POST /contacts/{}/companies": _PEOPLE,
    "DELETE /contacts/{}/companies/{}": _PEOPLE,
    "POST /contacts/{}/tags": _PEOPLE,
    "DELETE /contacts/{}/tags/{}": _PEOPLE,
    "POST /conversations": _MESSAGE,
    "PUT /conversations/{}": _CHANGE,
    "DELETE /conversations/{}": _CHANGE,
    "POST /conversations/{}/customers": _MESSAGE,
    "DELETE /conversations/{}/customers/{}": _ATTENTION,
    "POST /conversations/{}/tags": _CHANGE,
    "DELETE /conversations/{}/tags/{}": _CHANGE,
    "POST /help_center/collections": frozenset({HELP_CENTRE}),
    "PUT /help_center/collections/{}": frozenset({HELP_CENTRE}),
    "DELETE /help_center/collections/{}": _NONE,
    "PUT /articles/{}": frozenset({HELP_CENTRE}),
    "DELETE /articles/{}": _NONE,
}

_NAMES = {"attributes", "companies", "tags", "customers", "reply", "parts", "archive", "unarchive", "collections"}


def effects_of(method: str, path: str, payload: Mapping[str, Any] | None) -> frozenset[str]:
    """Names of what one call may cause, empty when it is harmless.

    Args:
        method: of the request as it is sent.
        path: of the request, with ids.
        payload: its body.

    Raises:
        UnsilencedError: it could be silenced and is not, or nothing is known of such a call.
    """
    call = f"{method} {_template(path)}"
    body = payload or {}
    if call == "POST /conversations/{}/reply":
        return _of_reply(body)
    if call == "POST /conversations/{}/parts":
        if body.get("body"):
            raise UnsilencedError("a change of state or assignment with a text, which is shown to the customer")
        return _ATTENTION
    if call == "POST /articles":
        return _NONE if body.get("state", "draft") == "draft" else frozenset({HELP_CENTRE})
    known = _OF_CALL.get(call)
    if known is None:
        raise UnsilencedError(f"a call of which it is not known what it sets off: {call}")
    return known


def _of_reply(body: Mapping[str, Any]) -> frozenset[str]:
    if body.get("type") == "user":
        return _MESSAGE
    if body.get("skip_notifications") is not True:
        raise UnsilencedError("a teammate's reply or note without skip_notifications")
    return _ATTENTION


def _template(path: str) -> str:
    first, *rest = path.strip("/").split("/")
    named = [part if part in _NAMES else "{}" for part in rest]
    return "/".join(["", first, *named])


def check(method: str, path: str, payload: Mapping[str, Any] | None, acknowledged: Collection[str]) -> None:
    """Make sure that a call is silenced, harmless or acknowledged.

    Raises:
        UnsilencedError: it is not; it must not be sent.
    """
    missing = effects_of(method, path, payload).difference(acknowledged)
    if missing:
        raise UnsilencedError(
            f"{method} {_template(path)} may cause what nobody has acknowledged: {', '.join(_in_order(missing))}"
        )


@dataclass(frozen=True)
class Due:
    """A side effect that the due calls may cause.

    Attributes:
        effect: it.
        calls: how many of them.
        acknowledged: for this plan.
    """

    effect: Effect
    calls: int
    acknowledged: bool

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "name": self.effect.name,
            "meaning": self.effect.meaning,
            "remedy": self.effect.remedy,
            "calls": self.calls,
            "acknowledged": self.acknowledged,
        }


def due(writes: Mapping[str, int], acknowledged: Collection[str] = ()) -> tuple[Due, ...]:
    """What the due calls may cause.

    Args:
        writes: calls per kind, as a plan announces them; undos count as their kind.
        acknowledged: names.
    """
    calls: Counter[str] = Counter()
    for label, number in writes.items():
        for name in OF_KIND.get(label.removesuffix(" (undo)"), ALL):
            calls[name] += number
    return tuple(
        Due(effect, calls[effect.name], effect.name in acknowledged) for effect in EFFECTS if calls[effect.name]
    )


def check_names(names: Iterable[str]) -> None:
    """Make sure that what is acknowledged exists.

    Raises:
        SettingsError: a name is not known; the message lists those that are.
    """
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        raise SettingsError(f"there is no side effect named {', '.join(unknown)}. Those known: {', '.join(ALL)}.")


def refusal(effects: Iterable[Due]) -> str | None:
    """What a person still has to acknowledge, in a sentence with the way out; None when it is nothing.

    The way out holds what was acknowledged already, too: it may be known of this call only.
    """
    effects = tuple(effects)
    missing = [one for one in effects if not one.acknowledged]
    if not missing:
        return None
    told = "\n".join(
        f"  {one.effect.name} ({counted(one.calls, 'call')}): {one.effect.meaning}; {one.effect.remedy}"
        for one in missing
    )
    return (
        "the load may set off what the API cannot switch off:\n"
        f"{told}\nWhen that is dealt with or accepted: {acknowledging(effects)}"
    )


def acknowledging(effects: Iterable[Due]) -> str:
    """The options that acknowledge them."""
    return " ".join(f"--acknowledge {one.effect.name}" for one in effects)


def demand(writes: Mapping[str, int], acknowledged: Collection[str]) -> None:
    """Make sure that everything which the due calls may cause was acknowledged.

    Raises:
        AcknowledgeError: it was not; the message names what, and what to do.
    """
    told = refusal(due(writes, acknowledged))
    if told:
        raise AcknowledgeError(told)


def within_reach(contacts: Mapping[str, int]) -> str:
    """Say whom Intercom could write to while the conversations are loaded.

    Args:
        contacts: numbers by reason, of `intercom.contacts_not_silenceable`.
    """
    told = ", ".join(f"{number:,} {reason}" for reason, number in contacts.items())
    return (
        f"Intercom could write to {counted(sum(contacts.values()), 'contact')} of the whole plan while conversations "
        f"are loaded, since they have an address there: {told} (intercom.contacts_not_silenceable)."
    )


def _in_order(names: Collection[str]) -> list[str]:
    return [name for name in ALL if name in names]
