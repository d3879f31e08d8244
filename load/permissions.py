"""What the token may do, found out before the first write.

Intercom does not say which permissions a token has. So each operation that the plan needs, or its rollback, is
asked for with an object that cannot exist: who may do it is answered that there is no such object, who may not is
answered 403. No probe can change anything. Names of permissions are those of the Developer Hub (OAuth scopes).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from load.client import FORBIDDEN, Client
from load.errors import AgainError, CallError, ConfigurationError, LostError, UnreachableError

NO_CONTACT = "000000000000000000000000"
"""A contact or company that cannot exist; ids have 24 hexadecimal digits."""

PEOPLE = "Write users and companies"
TAGS = "Write tags"
ATTRIBUTES = "Write data attributes"
CONVERSATIONS = "Write conversations"
METRICS = "Delete conversations and metrics"
ARTICLES = "Read and Write Articles"
READ_CONVERSATIONS = "Read conversations"
READ_PEOPLE = "Read one user and one company"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Probe:
    """A call that cannot take effect.

    Attributes:
        permission: that it needs.
        kinds: of requests that need it.
        purpose: load, verify or rollback.
        optional: only for a rollback that a person has to ask for.
    """

    permission: str
    method: str
    path: str
    payload: Body | None
    kinds: tuple[str, ...]
    purpose: str = "load"
    query: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False


_REPLY = {"message_type": "note", "type": "admin", "admin_id": "0", "body": "probe", "skip_notifications": True}
_CREATE = {"from": {"type": "user", "id": NO_CONTACT}, "body": "probe"}
_CLOSE = {"message_type": "close", "type": "admin", "admin_id": "0"}
_CUSTOMER = {"admin_id": "0", "customer": {"intercom_user_id": NO_CONTACT}}
_CONTACT = f"/contacts/{NO_CONTACT}"
_COMPANY = f"/companies/{NO_CONTACT}"
_IN_CONVERSATIONS = ("conversation.state", "conversation.assignment")
_ARTICLES = ("article.create", "collection.create")
_OF_CONVERSATIONS = (
    "conversation.create",
    "conversation.reply",
    "conversation.participant",
    "conversation.attribute",
    "conversation.tag",
    *_IN_CONVERSATIONS,
)

PROBES = (
    Probe(ATTRIBUTES, "PUT", "/data_attributes/0", {"archived": True}, ("data_attribute.create",)),
    Probe(ATTRIBUTES, "DELETE", "/conversations/attributes/0", None, ("conversation_attribute.create",)),
    Probe(TAGS, "DELETE", "/tags/0", None, ("tag.create",)),
    Probe(PEOPLE, "PUT", _COMPANY, {"name": "probe"}, ("company.upsert",)),
    Probe(PEOPLE, "DELETE", _COMPANY, None, ("company.upsert",), "rollback"),
    Probe(PEOPLE, "PUT", _CONTACT, {"name": "probe"}, ("contact.upsert", "contact.email")),
    Probe(PEOPLE, "DELETE", _CONTACT, None, ("contact.upsert",), "rollback"),
    Probe(PEOPLE, "POST", f"{_CONTACT}/companies", {"id": NO_CONTACT}, ("contact.company",)),
    Probe(PEOPLE, "DELETE", f"{_CONTACT}{_COMPANY}", None, ("contact.company",), "rollback"),
    Probe(TAGS, "POST", f"{_CONTACT}/tags", {"id": "0"}, ("contact.tag",)),
    Probe(TAGS, "DELETE", f"{_CONTACT}/tags/0", None, ("contact.tag",), "rollback"),
    Probe(READ_PEOPLE, "GET", _CONTACT, None, ("contact.upsert",), "verify"),
    Probe(CONVERSATIONS, "POST", "/conversations", _CREATE, ("conversation.create",)),
    Probe(CONVERSATIONS, "POST", "/conversations/0/reply", _REPLY, ("conversation.reply",)),
    Probe(CONVERSATIONS, "POST", "/conversations/0/customers", _CUSTOMER, ("conversation.participant",)),
    Probe(CONVERSATIONS, "PUT", "/conversations/0", {"title": "probe"}, ("conversation.attribute",)),
    Probe(CONVERSATIONS, "POST", "/conversations/0/parts", _CLOSE, _IN_CONVERSATIONS),
    Probe(TAGS, "POST", "/conversations/0/tags", {"id": "0", "admin_id": "0"}, ("conversation.tag",)),
    Probe(READ_CONVERSATIONS, "GET", "/conversations/0", None, _OF_CONVERSATIONS, "verify"),
    Probe(CONVERSATIONS, "DELETE", "/conversations/0", None, ("conversation.create",), "rollback"),
    Probe(
        METRICS,
        "DELETE",
        "/conversations/0",
        None,
        ("conversation.create",),
        "rollback",
        query={"retain_metrics": "false"},
        optional=True,
    ),
    Probe(ARTICLES, "DELETE", "/help_center/collections/0", None, _ARTICLES),
    Probe(ARTICLES, "DELETE", "/articles/0", None, _ARTICLES),
)
"""Where a creation has no harmless form, what changes or removes such an object stands for it: one permission."""


@dataclass(frozen=True)
class Missing:
    """A permission that the token lacks.

    Attributes:
        permission: as the Developer Hub calls it.
        purposes: load, verify, rollback: what cannot be done without it.
        kinds: of requests, of those in the plan, that need it.
        optional: nothing but `rollback` with `retain_metrics=false` needs it.
        answer: what Intercom said.
    """

    permission: str
    purposes: tuple[str, ...]
    kinds: tuple[str, ...]
    optional: bool
    answer: str

    def __str__(self) -> str:
        """What is missing, for what."""
        return f"{self.permission} (for {' and '.join(self.purposes)} of {', '.join(self.kinds)}: {self.answer})"


def missing(client: Client, kinds: Collection[str]) -> list[Missing]:
    """Ask for each operation that the kinds need, and their rollback.

    Args:
        client: whose token is tried; each probe counts against its rate limit.
        kinds: of requests.

    Raises:
        UnreachableError: Intercom does not answer.
    """
    refused: dict[tuple[str, bool], list[tuple[Probe, str]]] = {}
    for probe in probes_of(kinds):
        answer = _answer(client, probe)
        if answer:
            refused.setdefault((probe.permission, probe.optional), []).append((probe, answer))
    return [
        Missing(
            permission,
            tuple(dict.fromkeys(probe.purpose for probe, _ in found)),
            tuple(dict.fromkeys(kind for probe, _ in found for kind in probe.kinds if kind in kinds)),
            optional,
            found[0][1],
        )
        for (permission, optional), found in refused.items()
    ]


def probes_of(kinds: Collection[str]) -> list[Probe]:
    """The probes that these kinds ask for."""
    return [probe for probe in PROBES if set(probe.kinds) & set(kinds)]


def _answer(client: Client, probe: Probe) -> str | None:
    """What was said to a probe that is not permitted; None when it is."""
    try:
        client.patiently(lambda: client.call(probe.method, probe.path, probe.payload, query=probe.query or None))
    except ConfigurationError as error:
        return f"{FORBIDDEN} {code}" if (code := _code_in(str(error))) else str(error)
    except (LostError, AgainError) as error:
        raise UnreachableError(f"Intercom does not answer: {error}. Try again later.") from error
    except CallError:
        return None  # there is no such object, or it is asked for in another way: it may be asked for
    return None


def _code_in(text: str) -> str | None:
    _, _, rest = text.partition(f"{FORBIDDEN} ")
    return rest.partition(":")[0] or None
