"""The few rules that differ between kinds of requests; everything else is in the plan's row.

For each kind: where the answer has the new id, whether it may be repeated, how to find out whether a call
without answer took effect, and how it is taken back. The facts are of Intercom REST 2.16, the operation named
at each rule.

What the loader does about a call that was not answered, whether the process lives on or was killed:

kind                           a second call would    so it is looked up by                 then
-----------------------------  ---------------------  ------------------------------------  ----------------------------
conversation.create            make a second one      find: search by contact and second,   found: receipt; absent when
                                                      text, not the ledger's own            the lag is over: repeated
conversation.reply             make a second one      find: the conversation's parts by     found: receipt; absent:
                                                      author, second, text, files           repeated; else: a person's
collection.create              make a second one      find: the newest of the list by       found: receipt; absent:
article.create                 make a second one      parent, name or title, text           repeated; else: a person's
conversation.participant       be refused             check: the conversation's people      so: receipt; else: repeated
conversation.attribute         add parts              check: title, company, attributes     so: receipt; else: repeated
conversation.tag               change nothing         check: the conversation's tags        so: receipt; else: repeated
conversation.assignment        add a part             check: team and teammate              so: receipt; else: repeated
conversation.state             add a part             check: state and end of the snooze    so: receipt; else: repeated
conversation_attribute.create  be refused             the refusal, then the list            ours when `before` had none
data_attribute.create          be refused             the refusal, then the list            ours when `before` had none
tag.create                     answer the same tag    repeating it                          ours when `before` had none
company.upsert                 set the same again     repeating it                          ours when `before` had none
contact.upsert                 be refused with 409    the refusal's id, then that contact   ours when it has our id and
                                                                                            is no older than the attempt
contact.company, contact.tag   change nothing         repeating it                          ours unless `before` had it
file.store                     find the same bytes    the bytes under their hash            ours when `before` had none
taking back                    be answered 404        repeating it                          404 is as good

- `before` is read before the first intent of a slot and kept with it: what was there then is not ours, however
  often the run is killed. An attempt of a later run takes it over and does not read again.
- `find` is for what is appended, since a second one must never be made: by a fingerprint kept with the intent.
  Of equal ones the ledger's own are passed over; the oldest of the rest is the call's. The answer may be "cannot
  tell": then nothing is sent, at the end of the run it is looked up again, and then a person decides.
- `check` is for what is set: by comparing; when it is not so, the call is repeated.
"""

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import nh3

from load.client import Answer
from load.errors import ConflictError, GoneError, LostError, RejectedError

SKEW = 120.0
"""Seconds by which Intercom's clock may be behind ours when an object's age is compared with a call's."""

PARTS_SHOWN = 500
"""Parts of a conversation that can be read, the newest ones (conversations: retrieve)."""

_CONTACT_ID = re.compile(r"\bid=([0-9a-f]{24})\b")
_CONVERSATION = re.compile(r"^/conversations/([^/]+)")
_CONTACT = re.compile(r"^/contacts/([^/]+)")
_FIXED = {"contact.upsert": {"role"}, "company.upsert": {"company_id"}}
"""Fields that cannot be updated (contacts, companies: update)."""
_BLANKS = re.compile(r"\s+")


class Talk(Protocol):
    """What a rule may use."""

    def call(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        reads: bool = False,
    ) -> Answer:
        """Send one request."""
        ...

    def owned(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Which of these ids the ledger has for this kind."""
        ...

    def made_here(self, kind: str, intercom_id: str) -> bool:
        """Whether a run of this ledger ever created this object, and did not adopt it."""
        ...

    def under_way(self, kind: str, mark: str) -> bool:
        """Whether a call of this kind with this mark is not known to be answered, in this run or an earlier one."""
        ...

    def listed(self, path: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
        """A list that is read once in a run, before the run adds to it."""
        ...

    def stored(self, path: str, size: int, sha256: str) -> bool:
        """Whether a file is kept outside Intercom already."""
        ...

    def store(self, path: str, spooled: Path, size: int, sha256: str) -> bool:
        """Keep a file outside Intercom; False when it was there."""
        ...

    def unstore(self, path: str) -> None:
        """Remove a file that is kept outside Intercom."""
        ...


@dataclass(frozen=True)
class Request:
    """A call with everything filled in.

    Attributes:
        on_conflict: payload for the object that exists already; None when it is left as it is.
        since: Unix seconds of the first attempt at this call, also by an earlier run.
        repeated: an earlier attempt may have taken effect.
        changed: that attempt was made with another payload.
        before: what `Kind.before` found out ahead of the first attempt.
    """

    kind: str
    method: str
    path: str
    payload: dict[str, Any]
    on_conflict: dict[str, Any] | None = None
    since: float = 0.0
    repeated: bool = False
    changed: bool = False
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Took:
    """A call that took effect.

    Attributes:
        outcome: created here, adopted because it existed, or set.
        writes: accepted writes that it needed.
        undo: the call that takes it back; ids only.
    """

    intercom_id: str | None
    outcome: str
    request_id: str | None = None
    writes: int = 1
    undo: dict[str, Any] | None = None


@dataclass(frozen=True)
class Found:
    """The call took effect."""

    intercom_id: str


@dataclass(frozen=True)
class Absent:
    """The call did not take effect, or not yet."""


@dataclass(frozen=True)
class Undecided:
    """Something is there that may be the call's effect or not."""

    ids: tuple[str, ...]


Verdict = Found | Absent | Undecided


@dataclass(frozen=True)
class Kind:
    """The rules of a kind.

    Attributes:
        send: makes the call.
        once: content that changed after it was sent is reported and not sent again.
        touches: it opens a closed conversation, or may.
        merges: neighbours of a lane travel as one call.
        updates: changed content goes to the object by PUT.
        fingerprint: of what is appended, by what to recognise it: ids, times and hashes only.
        find: looks for it.
        check: of what is set, whether it is so already.
        before: what has to be known of the workspace ahead of the first attempt: ids and yes or no only.
        mark: kept with the intent, by which other calls know that it is under way; a hash.
        undo: the call that takes it back, of what can be taken back before there is an answer.
        searches: `find` uses a search, which sees new objects late.
        outside: it does not go to Intercom; a file in its payload is the path of the spooled one.
    """

    send: Callable[[Talk, Request], Took]
    once: bool = False
    touches: bool = False
    merges: bool = False
    updates: bool = False
    fingerprint: Callable[[Request], dict[str, Any]] | None = None
    find: Callable[[Talk, Mapping[str, Any]], Verdict] | None = None
    check: Callable[[Talk, Request], bool] | None = None
    before: Callable[[Talk, Request], dict[str, Any]] | None = None
    mark: Callable[[Request], str | None] | None = None
    undo: Callable[[Request], dict[str, Any] | None] | None = None
    searches: bool = False
    outside: bool = False

    @property
    def append_only(self) -> bool:
        """A repetition would make a second one."""
        return self.find is not None


# --- texts


def texts(body: str) -> list[str]:
    """Two hashes of a text, taken as plain text and taken as HTML.

    What comes back is HTML: contacts' text is escaped and wrapped, teammates' HTML passes a list of allowed
    elements and has its blanks tidied (conversations: reply). So only letters count, not markup nor blanks;
    and which of the two readings the server took shows in which hash agrees.
    """
    return [_hash(_BLANKS.sub("", body)), _hash(_letters(body))]


def same_text(expected: Sequence[str], shown: str | None) -> bool:
    """Whether a text that was read back can be the one with these hashes."""
    return _hash(_letters(shown or "")) in expected


def _letters(markup: str) -> str:
    return _BLANKS.sub("", html.unescape(nh3.clean(markup, tags=set())))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- definitions


def _send_definition(talk: Talk, request: Request) -> Took:
    """A second definition of a name is refused (data attributes: create): a refusal may mean it is there.

    One that was archived comes back where the API can do that (data attributes: update); it counts as created here,
    since taking it back archives it again. A conversation attribute cannot be brought back, so a new one is made.
    """
    kept = _archived(talk, request)
    if kept is not None and request.path == _DATA_ATTRIBUTES:
        payload = {"archived": False, **_missing_options(kept, request.payload)}
        answer = talk.call("PUT", f"{_DATA_ATTRIBUTES}/{kept['id']}", payload)
        return Took(_needed(answer, "id"), "created", answer.request_id)
    try:
        answer = talk.call(request.method, request.path, request.payload)
    except (RejectedError, GoneError) as error:
        there = _definition(talk, request)
        if there is None and kept is not None:
            raise RejectedError(
                f"an archived attribute (id {kept['id']}) holds the name, and the API cannot bring it back: do that in "
                "Intercom's settings, then apply again with --retry-failed",
                status=error.status,
                code="attribute_archived",
                request_id=error.request_id,
            ) from error
        if there is None:
            raise
        if not _types_agree(there, request.payload):
            raise RejectedError(
                f"an attribute of this name exists with the type {there.get('data_type')}, "
                f"not {request.payload.get('data_type')}",
                status=error.status,
                code="attribute_of_another_type",
                request_id=error.request_id,
            ) from error
        again = request.repeated and not request.before.get("existed")
        made_here = again or talk.made_here(request.kind, str(there["id"]))
        outcome = "created" if made_here else "adopted"
        return Took(str(there["id"]), outcome, error.request_id, writes=int(again))
    return Took(_needed(answer, "id"), "created", answer.request_id)


def _before_definition(talk: Talk, request: Request) -> dict[str, Any]:
    return {"existed": any(not item.get("archived") for item in _of_this_name(talk, request))}


_DATA_ATTRIBUTES = "/data_attributes"


def _of_this_name(talk: Talk, request: Request) -> list[Mapping[str, Any]]:
    """Definitions of this name, archived ones too, as the workspace had them when the run first asked."""
    query = {"model": str(request.payload["model"])} if request.path == _DATA_ATTRIBUTES else {}
    name = str(request.payload.get("name", "")).casefold()
    listed = talk.listed(request.path, {**query, "include_archived": "true"})
    return [item for item in listed if str(item.get("name", "")).casefold() == name]


def _archived(talk: Talk, request: Request) -> Mapping[str, Any] | None:
    """An archived definition of this name and type; None when there is a live one of the name."""
    same = [item for item in _of_this_name(talk, request) if _types_agree(item, request.payload)]
    if not same or any(not item.get("archived") for item in same):
        return None
    ours = [item for item in same if talk.made_here(request.kind, str(item.get("id")))]
    return (ours or same)[-1]


def _missing_options(there: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a list attribute has to get; named only when some are missing (data attributes: update)."""
    wanted = payload.get("options") or []
    known = {str(option.get("value") if isinstance(option, dict) else option) for option in there.get("options") or []}
    return {"options": wanted} if any(option.get("value") not in known for option in wanted) else {}


def _definition(talk: Talk, request: Request) -> Mapping[str, Any] | None:
    query = {"model": str(request.payload["model"])} if request.path == "/data_attributes" else None
    listed = talk.call("GET", request.path, query=query, reads=True).data
    name = str(request.payload.get("name", "")).casefold()
    for item in _items(listed):
        if str(item.get("name", "")).casefold() == name and not item.get("archived"):
            return item
    return None


def _types_agree(there: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """`datetime` is read back as `date` and lists as their values' type (data attributes: list)."""
    shown, wanted = there.get("data_type"), payload.get("data_type")
    return shown == wanted or {"datetime": "date", "options": "string"}.get(str(wanted)) == shown


def _send_tag(talk: Talk, request: Request) -> Took:
    """Creates or returns the tag (tags: create), and does not say which."""
    answer = talk.call(request.method, request.path, request.payload)
    return Took(_needed(answer, "id"), "adopted" if request.before.get("existed") else "created", answer.request_id)


# --- files outside Intercom

STORED = "file:"
"""Before the path, in an undo, of what is kept outside Intercom."""


def _send_file(talk: Talk, request: Request) -> Took:
    """What was there before is not ours; what an earlier attempt of this plan may have written is."""
    told = request.payload
    wrote = talk.store(request.path, Path(str(told["data"])), int(told["size"]), str(told["sha256"]))
    if request.before.get("existed") and not wrote:
        return Took(None, "adopted", writes=0)
    undo = {"method": "DELETE", "path": STORED + request.path, "payload": None}
    return Took(None, "created", writes=int(wrote), undo=undo)


def _before_file(talk: Talk, request: Request) -> dict[str, Any]:
    told = request.payload
    return {"existed": talk.stored(request.path, int(told["size"]), str(told["sha256"]))}


# --- companies and contacts


def updated(
    kind: str, payload: Mapping[str, Any], on_conflict: Mapping[str, Any] | None, outcome: str
) -> dict[str, Any]:
    """What an update of an object sends.

    What was created here gets all of it, and a custom attribute that is null is emptied. What was adopted gets
    what was sent when it was: its own id, name and the like are somebody else's.

    Args:
        kind: of the request.
        payload: of its creation.
        on_conflict: what is sent when the object exists already; None when there is no difference.
        outcome: of its receipt.
    """
    if outcome != "created" and on_conflict is not None:
        return dict(on_conflict)
    return {name: value for name, value in payload.items() if name not in _FIXED.get(kind, set())}


def _filled(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a new object: there is nothing to empty, so no custom attribute is null."""
    attributes = payload.get("custom_attributes")
    if not isinstance(attributes, dict):
        return dict(payload)
    return {**payload, "custom_attributes": {name: value for name, value in attributes.items() if value is not None}}


def _send_company(talk: Talk, request: Request) -> Took:
    """Creates, or updates the one with this company_id (companies: create or update).

    One that was there before gets `on_conflict` only, so that what a person wrote in it is not overwritten. One
    without people can be hidden from the question: then its age tells that it is older than the first attempt.
    """
    if request.method != "POST":
        answer = talk.call(request.method, request.path, request.payload)
        return Took(_needed(answer, "id"), "set", answer.request_id)
    there = request.before.get("company")
    if there is not None and request.on_conflict is not None:
        answer = talk.call("PUT", f"/companies/{there}", request.on_conflict)
        return Took(str(there), "adopted", answer.request_id)
    answer = talk.call(request.method, request.path, _filled(request.payload))
    ours = there is None and _is_new(answer.data, request.since)
    return Took(_needed(answer, "id"), "created" if ours else "adopted", answer.request_id)


def _before_company(talk: Talk, request: Request) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    there = _company(talk, str(request.payload.get("company_id", "")))
    return {"company": None if there is None else str(there["id"])}


def _company(talk: Talk, company_id: str) -> Mapping[str, Any] | None:
    """The company with this id of ours; answered alone or as a list of one (companies: retrieve)."""
    try:
        shown = talk.call("GET", "/companies", query={"company_id": company_id}, reads=True).data
    except GoneError:
        return None
    found = [shown] if isinstance(shown, dict) and shown.get("company_id") else _items(shown)
    return next((item for item in found if item.get("company_id") == company_id and item.get("id")), None)


def _send_contact(talk: Talk, request: Request) -> Took:
    """A strict create: 409 with the id of the existing one in its message (contacts: create)."""
    if request.method != "POST":
        answer = talk.call(request.method, request.path, request.payload)
        return Took(_needed(answer, "id"), "set", answer.request_id)
    try:
        answer = talk.call(request.method, request.path, _filled(request.payload))
    except ConflictError as error:
        return _adopt_contact(talk, request, error)
    return Took(_needed(answer, "id"), "created", answer.request_id)


def _adopt_contact(talk: Talk, request: Request, error: ConflictError) -> Took:
    match = _CONTACT_ID.search(str(error))
    if match is None:
        raise error
    contact = match[1]
    there = _contact(talk, contact)
    same = there.get("external_id") == request.payload.get("external_id")
    mark = _external_id(there)
    # In this order: what is not under way any more has its receipt.
    if not same and mark and talk.under_way("contact.upsert", mark):
        raise _of_another_record(error) from error
    if talk.owned("contact.upsert", [contact]):
        raise _of_another_record(error) from error
    if request.repeated and same and _is_new(there, request.since):
        # Made by the attempt before, maybe without the address that this one has.
        if request.changed or ("email" in request.payload and not there.get("email")):
            fields = updated(request.kind, request.payload, request.on_conflict, "created")
            talk.call("PUT", f"/contacts/{contact}", fields)
        return Took(contact, "created", error.request_id)
    writes = 0
    if "archived" in str(error).casefold():
        talk.call("POST", f"/contacts/{contact}/unarchive")
        writes += 1
    if request.on_conflict:
        talk.call("PUT", f"/contacts/{contact}", request.on_conflict)
        writes += 1
    return Took(contact, "adopted", error.request_id, writes=writes)


def _contact(talk: Talk, intercom_id: str) -> Mapping[str, Any]:
    """A contact; nothing where Intercom does not show it, as it may be with an archived one."""
    try:
        shown: Mapping[str, Any] = talk.call("GET", f"/contacts/{intercom_id}", reads=True).data
    except GoneError:
        return {}
    return shown


def _external_id(contact: Mapping[str, Any]) -> str | None:
    return _hash(str(contact["external_id"])) if contact.get("external_id") else None


def _of_another_record(error: ConflictError) -> RejectedError:
    return RejectedError(
        "another person of this plan is that contact already (same address or same external id)",
        status=error.status,
        code="contact_of_another_record",
        request_id=error.request_id,
    )


def _send_address(talk: Talk, request: Request) -> Took:
    """Gives a contact the address that was held back; the same again changes nothing (contacts: update).

    Who turned out to be in the workspace already keeps the address that stands there.
    """
    contact = _id_in(_CONTACT, request.path)
    if not talk.made_here("contact.upsert", contact):
        return Took(None, "adopted", writes=0)
    try:
        answer = talk.call(request.method, request.path, request.payload)
    except ConflictError as error:
        match = _CONTACT_ID.search(str(error))
        raise RejectedError(
            f"the contact {match[1] if match else 'of another id'} has this address already, also when it is archived: "
            "take the address from it or delete it in Intercom, then apply again with --retry-failed",
            status=error.status,
            code="address_of_another_contact",
            request_id=error.request_id,
        ) from error
    return Took(None, "set", answer.request_id)


_BELONGING = {"contact.company": "company.upsert", "contact.tag": "tag.create"}
"""What a contact can be given, and the kind that makes it."""


def _send_belonging(talk: Talk, request: Request) -> Took:
    """Giving a contact a company or a tag again changes nothing, so it may be repeated.

    Contacts: attach to a company, tag.
    """
    given = str(request.payload["id"])
    if request.before.get("existed"):
        return Took(given, "adopted", writes=0)
    answer = talk.call(request.method, request.path, request.payload)
    return Took(given, "set", answer.request_id, undo=_undo_belonging(request))


def _undo_belonging(request: Request) -> dict[str, Any]:
    return {"method": "DELETE", "path": f"{request.path}/{request.payload['id']}", "payload": None}


def _before_belonging(talk: Talk, request: Request) -> dict[str, Any]:
    """Only a contact and a company, or tag, that both were there before can have belonged together before."""
    contact, given = _id_in(_CONTACT, request.path), str(request.payload["id"])
    if talk.made_here("contact.upsert", contact) or talk.made_here(_BELONGING[request.kind], given):
        return {"existed": False}
    return {"existed": any(str(item.get("id")) == given for item in _pages(talk, request.path))}


# --- conversations


def _send_conversation(talk: Talk, request: Request) -> Took:
    """The answer is a message; the conversation's id is its `conversation_id` (conversations: create)."""
    answer = talk.call(request.method, request.path, request.payload)
    return Took(_needed(answer, "conversation_id"), "created", answer.request_id)


def _conversation_print(request: Request) -> dict[str, Any]:
    return {
        "author": str(request.payload["from"]["id"]),
        "created_at": request.payload.get("created_at"),
        "texts": texts(str(request.payload.get("body", ""))),
    }


def _find_conversation(talk: Talk, wanted: Mapping[str, Any]) -> Verdict:
    """By contact and second, then by text and by what the ledger owns (conversations: search)."""
    second = int(wanted["created_at"] if wanted["created_at"] is not None else wanted["since"])
    width = 2 if wanted["created_at"] is not None else int(SKEW)
    query = {
        "query": {
            "operator": "AND",
            "value": [
                {"field": "contact_ids", "operator": "=", "value": wanted["author"]},
                {"field": "created_at", "operator": ">", "value": second - width},
                {"field": "created_at", "operator": "<", "value": second + width},
            ],
        },
        "pagination": {"per_page": 150},
    }
    listed = talk.call("POST", "/conversations/search", query, reads=True).data
    there = [item for item in listed.get("conversations", []) if _is_by(item.get("source") or {}, wanted["author"])]
    if wanted["created_at"] is not None:
        there = [item for item in there if item.get("created_at") == wanted["created_at"]]
    owned = talk.owned("conversation.create", [str(item["id"]) for item in there])
    free = [item for item in there if str(item["id"]) not in owned]
    for item in sorted(free, key=lambda found: _by_age(found["id"])):
        if same_text(wanted["texts"], item["source"].get("body")):
            return Found(str(item["id"]))
    if free and wanted["created_at"] is not None:
        return Undecided(tuple(str(item["id"]) for item in free))
    # Another conversation of the same contact about that time, of somebody else's making: not ours.
    return Absent()


def _send_reply(talk: Talk, request: Request) -> Took:
    """The answer is the whole conversation; ours is the newest part that fits (conversations: reply)."""
    answer = talk.call(request.method, request.path, request.payload)
    wanted = _reply_print(request)
    parts = parts_of(answer.data)
    fitting = (
        [part for part in parts if _fits(part, wanted)] or [p for p in parts if p.get("body") is not None] or parts
    )
    if not fitting:
        raise LostError("the answer to a reply has no parts", status=200, code="no_parts", finished=True)
    newest = max(fitting, key=lambda part: _by_age(part["id"]))
    return Took(str(newest["id"]), "created", answer.request_id)


def _reply_print(request: Request) -> dict[str, Any]:
    payload = request.payload
    names = [str(item.get("name")) for item in payload.get("attachment_files") or []]
    author = payload.get("admin_id") if payload.get("type") == "admin" else payload.get("intercom_user_id")
    return {
        "conversation": _id_in(_CONVERSATION, request.path),
        "author": None if author is None else str(author),
        "note": payload.get("message_type") == "note",
        "created_at": payload.get("created_at"),
        "texts": texts(str(payload.get("body", ""))),
        "files": len(names),
        "names": _hash(json.dumps(sorted(names))),
    }


def _find_reply(talk: Talk, wanted: Mapping[str, Any]) -> Verdict:
    """Same author, second and sort; then text and files; never a part that the ledger owns."""
    shown = talk.call("GET", f"/conversations/{wanted['conversation']}", reads=True).data
    there = [part for part in parts_of(shown) if _fits(part, wanted)]
    owned = talk.owned("conversation.reply", [str(part["id"]) for part in there])
    free = sorted((p for p in there if str(p["id"]) not in owned), key=lambda part: _by_age(part["id"]))
    same = [part for part in free if same_text(wanted["texts"], part.get("body"))]
    for part in same:
        names = sorted(str(item.get("name")) for item in part.get("attachments") or [])
        if _hash(json.dumps(names)) == wanted["names"]:
            return Found(str(part["id"]))
    for part in same:  # names may be cleaned on the way; the number is not
        if len(part.get("attachments") or []) == wanted["files"]:
            return Found(str(part["id"]))
    if free or hidden_parts(shown):
        return Undecided(tuple(str(part["id"]) for part in free))
    return Absent()


def hidden_parts(shown: Mapping[str, Any]) -> bool:
    """Whether the conversation has parts that cannot be read: only the newest are shown (conversations: retrieve)."""
    total = (shown.get("statistics") or {}).get("count_conversation_parts") or 0
    return len(parts_of(shown)) >= PARTS_SHOWN and int(total) > len(parts_of(shown))


def _fits(part: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """By author, second and sort. A contact's reply to a closed conversation is shown as `open`."""
    if (part.get("part_type") == "note") != wanted["note"] or part.get("body") is None:
        return False
    if wanted["author"] is not None and not _is_by(part, wanted["author"]):
        return False
    if wanted["created_at"] is None:
        return int(part.get("created_at") or 0) >= int(wanted.get("since", 0)) - SKEW
    return bool(part.get("created_at") == wanted["created_at"])


def _send_plain(talk: Talk, request: Request) -> Took:
    answer = talk.call(request.method, request.path, request.payload)
    return Took(None, "set", answer.request_id)


def _check_attribute(talk: Talk, request: Request) -> bool:
    shown = _conversation(talk, request)
    payload = request.payload
    attributes = shown.get("custom_attributes") or {}
    return (
        ("title" not in payload or shown.get("title") == payload["title"])
        and all(attributes.get(name) == value for name, value in (payload.get("custom_attributes") or {}).items())
        and ("company_id" not in payload or (shown.get("company") or {}).get("id") == payload["company_id"])
        and not set(payload) - {"title", "custom_attributes", "company_id"}
    )


def _send_conversation_tag(talk: Talk, request: Request) -> Took:
    answer = talk.call(request.method, request.path, request.payload)
    return Took(str(request.payload["id"]), "set", answer.request_id, undo=_undo_conversation_tag(request))


def _undo_conversation_tag(request: Request) -> dict[str, Any]:
    return {
        "method": "DELETE",
        "path": f"/conversations/{_id_in(_CONVERSATION, request.path)}/tags/{request.payload['id']}",
        "payload": {"admin_id": str(request.payload.get("admin_id", ""))},
    }


def _check_conversation_tag(talk: Talk, request: Request) -> bool:
    tags = (_conversation(talk, request).get("tags") or {}).get("tags") or []
    return str(request.payload["id"]) in {str(tag.get("id")) for tag in tags}


def _send_participant(talk: Talk, request: Request) -> Took:
    answer = talk.call(request.method, request.path, request.payload)
    contact = (request.payload.get("customer") or {}).get("intercom_user_id")
    return Took(contact, "set", answer.request_id, undo=_undo_participant(request))


def _undo_participant(request: Request) -> dict[str, Any] | None:
    contact = (request.payload.get("customer") or {}).get("intercom_user_id")
    if not contact:
        return None
    return {
        "method": "DELETE",
        "path": f"/conversations/{_id_in(_CONVERSATION, request.path)}/customers/{contact}",
        "payload": {
            "admin_id": str(request.payload.get("admin_id", "")),
            "customer": {"intercom_user_id": contact},
        },
    }


def _check_participant(talk: Talk, request: Request) -> bool:
    people = (_conversation(talk, request).get("contacts") or {}).get("contacts") or []
    wanted = (request.payload.get("customer") or {}).get("intercom_user_id")
    return wanted in {str(person.get("id")) for person in people}


def _check_assignment(talk: Talk, request: Request) -> bool:
    field = "team_assignee_id" if request.payload.get("type") == "team" else "admin_assignee_id"
    return str(_conversation(talk, request).get(field) or 0) == str(request.payload.get("assignee_id") or 0)


def _check_state(talk: Talk, request: Request) -> bool:
    shown = _conversation(talk, request)
    wanted = {"close": "closed", "open": "open", "snoozed": "snoozed"}[request.payload["message_type"]]
    until = request.payload.get("snoozed_until")
    return shown.get("state") == wanted and (until is None or shown.get("snoozed_until") == until)


def _conversation(talk: Talk, request: Request) -> Mapping[str, Any]:
    path = f"/conversations/{_id_in(_CONVERSATION, request.path)}"
    shown: Mapping[str, Any] = talk.call("GET", path, reads=True).data
    return shown


# --- help centre


def _send_help_centre(talk: Talk, request: Request) -> Took:
    """Names and titles need not be unique (create a collection, an article): a repetition would make a second one."""
    answer = talk.call(request.method, request.path, request.payload)
    made = _needed(answer, "id")
    return Took(made, "created", answer.request_id, undo=undo_of_found(request.kind, made))


_LISTS = {"collection.create": "/help_center/collections", "article.create": "/articles"}


def undo_of_found(kind: str, intercom_id: str) -> dict[str, Any] | None:
    """The call that takes back what was appended; None where that is not a single call of the plan's own."""
    if kind not in _LISTS:
        return None
    return {"method": "DELETE", "path": f"{_LISTS[kind]}/{intercom_id}", "payload": None}


def _collection_print(request: Request) -> dict[str, Any]:
    return {
        "name": _hash(str(request.payload.get("name"))),
        "parent": _text_or_none(request.payload.get("parent_id")),
        "words": texts(str(request.payload.get("description") or "")),
    }


def _article_print(request: Request) -> dict[str, Any]:
    return {
        "title": _hash(str(request.payload.get("title"))),
        "parent": _text_or_none(request.payload.get("parent_id")),
        "words": texts(str(request.payload.get("body") or "")),
    }


def _find_collection(talk: Talk, wanted: Mapping[str, Any]) -> Verdict:
    """By name, parent, age and text; the list begins with what changed last (help centre: list all collections)."""
    same = [
        item
        for item in _newest(talk, _LISTS["collection.create"], wanted)
        if _hash(str(item.get("name"))) == wanted["name"] and _text_or_none(item.get("parent_id")) == wanted["parent"]
    ]
    return _first_free(talk, "collection.create", same, wanted, "description")


def _find_article(talk: Talk, wanted: Mapping[str, Any]) -> Verdict:
    """By title, parent, age and text; the list begins with what changed last (articles: list all articles)."""
    same = [
        item
        for item in _newest(talk, _LISTS["article.create"], wanted)
        if _hash(str(item.get("title"))) == wanted["title"]
        and (wanted["parent"] is None or wanted["parent"] in map(str, item.get("parent_ids") or []))
    ]
    return _first_free(talk, "article.create", same, wanted, "body")


def _newest(talk: Talk, path: str, wanted: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what was made since the first attempt."""
    since = float(wanted.get("since", 0))
    for item in _pages(talk, path):
        if float(item.get("updated_at") or since) < since - SKEW:
            return
        if _is_new(item, since):
            yield item


def _pages(talk: Talk, path: str) -> Iterator[Mapping[str, Any]]:
    """Yield a list's items, page after page."""
    query: dict[str, str] | None = None
    while True:
        listed = talk.call("GET", path, query=query, reads=True).data
        yield from _items(listed)
        pages = listed.get("pages") if isinstance(listed, dict) else None
        query = next_page(pages or {})
        if query is None:
            return


def next_page(pages: Mapping[str, Any]) -> dict[str, str] | None:
    """Lists are described with a cursor (schema cursor_pages) and shown with page numbers (articles: list)."""
    following = pages.get("next")
    if isinstance(following, dict) and following.get("starting_after"):
        return {"starting_after": str(following["starting_after"])}
    number = int(pages.get("page") or 1)
    return {"page": str(number + 1)} if number < int(pages.get("total_pages") or 1) else None


def _first_free(
    talk: Talk, kind: str, there: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any], text: str
) -> Verdict:
    owned = talk.owned(kind, [str(item["id"]) for item in there])
    free = sorted((item for item in there if str(item["id"]) not in owned), key=lambda found: _by_age(found["id"]))
    for item in free:
        if same_text(wanted["words"], item.get(text)):
            return Found(str(item["id"]))
    return Undecided(tuple(str(item["id"]) for item in free)) if free else Absent()


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


# --- taking back


def send_undo(talk: Talk, undo: Mapping[str, Any]) -> Took:
    """Take back what was set; what is gone already is as good."""
    if str(undo["path"]).startswith(STORED):
        talk.unstore(str(undo["path"]).removeprefix(STORED))
        return Took(None, "undone")
    try:
        answer = talk.call(undo["method"], undo["path"], undo["payload"])
    except GoneError as error:
        return Took(None, "undone", error.request_id, writes=0)
    return Took(None, "undone", answer.request_id)


# --- helpers


def _needed(answer: Answer, name: str) -> str:
    value = answer.data.get(name) if isinstance(answer.data, dict) else None
    if value is None:
        raise LostError(f"an answer without {name}", status=200, code="no_id", finished=True)
    return str(value)


def _is_new(shown: Any, since: float) -> bool:
    made = shown.get("created_at") if isinstance(shown, dict) else None
    return isinstance(made, int | float) and made >= since - SKEW


def _items(listed: Any) -> list[Mapping[str, Any]]:
    found = listed.get("data") if isinstance(listed, dict) else listed
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def parts_of(shown: Any) -> list[Mapping[str, Any]]:
    """Return the parts that a conversation shows (conversations: retrieve)."""
    parts = (shown.get("conversation_parts") or {}).get("conversation_parts") if isinstance(shown, dict) else None
    return list(parts or [])


def _is_by(shown: Mapping[str, Any], author: str) -> bool:
    return str((shown.get("author") or {}).get("id")) == author


def _by_age(intercom_id: Any) -> tuple[int, str]:
    """Ids grow; longer ones are newer."""
    text = str(intercom_id)
    return len(text), text


def _id_in(pattern: re.Pattern[str], path: str) -> str:
    match = pattern.match(path)
    return match[1] if match else ""


KINDS: dict[str, Kind] = {
    "file.store": Kind(_send_file, once=True, outside=True, before=_before_file),
    "conversation_attribute.create": Kind(_send_definition, once=True, before=_before_definition),
    "data_attribute.create": Kind(_send_definition, once=True, before=_before_definition),
    "tag.create": Kind(_send_tag, once=True, before=_before_definition),
    "company.upsert": Kind(_send_company, updates=True, before=_before_company),
    "contact.upsert": Kind(_send_contact, updates=True, mark=lambda request: _external_id(request.payload)),
    "contact.company": Kind(_send_belonging, before=_before_belonging, undo=_undo_belonging),
    "contact.email": Kind(_send_address),
    "contact.tag": Kind(_send_belonging, before=_before_belonging, undo=_undo_belonging),
    "conversation.create": Kind(
        _send_conversation, once=True, fingerprint=_conversation_print, find=_find_conversation, searches=True
    ),
    "conversation.reply": Kind(_send_reply, once=True, touches=True, fingerprint=_reply_print, find=_find_reply),
    "conversation.participant": Kind(_send_participant, check=_check_participant, undo=_undo_participant),
    "conversation.attribute": Kind(_send_plain, merges=True, check=_check_attribute),
    "conversation.tag": Kind(
        _send_conversation_tag, touches=True, check=_check_conversation_tag, undo=_undo_conversation_tag
    ),
    "conversation.assignment": Kind(_send_plain, touches=True, check=_check_assignment),
    "conversation.state": Kind(_send_plain, check=_check_state),
    "collection.create": Kind(_send_help_centre, once=True, fingerprint=_collection_print, find=_find_collection),
    "article.create": Kind(_send_help_centre, once=True, fingerprint=_article_print, find=_find_article),
}
"""The kinds that this loader can send."""


def kind_of(name: str) -> Kind:
    """The rules of a kind.

    Raises:
        KeyError: this loader does not know it; the message says so.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise KeyError(f"the plan has a row of kind {name}, which this loader does not know") from None
