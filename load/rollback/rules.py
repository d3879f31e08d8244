"""How each kind is taken back: what is looked at first, what is called, and how it shows that it is gone.

| kind | made here | was there before, or a mere setting |
| --- | --- | --- |
| conversation.create | DELETE, with everything in it | |
| contact.upsert | DELETE, with its memberships and tags | PUT with the values of the extract before the load |
| company.upsert | DELETE, which archives it later (companies: delete) | the same |
| tag.create | DELETE; refused while a segment needs it (tags: delete) | left alone |
| conversation_attribute.create | DELETE, which archives (conversation attributes: delete) | left alone |
| data_attribute.create | PUT archived; refused while something needs it (data attributes: update) | left alone |
| article.create, collection.create | DELETE | |
| file.store | removed from the storage, unless the warehouse was loaded into another workspace, too | left alone |
| contact.company, contact.tag, conversation.tag, conversation.participant | | the call that the receipt holds |
| conversation.attribute, a custom one | | PUT null, when it shows what was sent |
| conversation.reply, .assignment, .state, title and company | only with the whole conversation | |

What a person has changed since is not taken back: `changed` says what it is, by names of fields and numbers, never by
values. Facts are those of Intercom REST 2.16, the operation named at each rule.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from load.kinds import SKEW

ON_CONTACT = ("contact.company", "contact.tag")
_PART_OF = re.compile(r"^([^/]+/[^/]+)/.")
_KEYS = frozenset({"external_id", "company_id", "role"})
"""By what an adopted object was found; the loader never sets these on one."""
_ATTRIBUTE = "custom_attributes."
_NOT_DIGITS = re.compile(r"\D")
MERGED = {"merged": True}
"""Shown for a contact that a person merged into another (410 contact_merged)."""


@dataclass(frozen=True)
class Thing:
    """Something that the ledger says is in Intercom because of us.

    Attributes:
        slot: what it settles.
        kind: of its request.
        phase: of its request.
        outcome: created, adopted or set.
        intercom_id: Intercom's id; None for a file, which is not in Intercom.
        made_at: Unix seconds of the first receipt.
        touched_at: Unix seconds of the newest receipt of it and of what hangs on it.
        undo: for a setting or a file, the call that takes it back.
        planned: by slot, the filled payload of it and of what hangs on it, as far as the warehouse has what was sent.
        conflict: the filled payload for an object that exists; None when nothing was sent to it.
        parts: of what hangs on it, ids by kind.
        former: the object before the load, as Intercom showed it; None when no extract of before holds it.
    """

    slot: str
    kind: str
    phase: int
    outcome: str
    intercom_id: str | None
    made_at: float
    touched_at: float
    undo: Mapping[str, Any] | None = None
    planned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conflict: Mapping[str, Any] | None = None
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    former: Mapping[str, Any] | None = None

    @property
    def sent(self) -> Mapping[str, Any] | None:
        """Its own payload; None when the warehouse holds another one by now."""
        return self.planned.get(self.slot)


class Reader(Protocol):
    """What the rules may use."""

    def show(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read one path; None where there is nothing."""
        ...

    def listed(self, path: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
        """Read a whole list once, however often it is asked for."""
        ...

    def found(self, path: str, name: str, value: str) -> Iterable[str]:
        """Ids that a search for one field gives."""
        ...

    def stays(self, kind: str, ids: Iterable[str]) -> list[str]:
        """Of objects of a kind, those that the ledger still holds, and those that are not ours and really there."""
        ...

    def users(self, thing: Thing) -> int:
        """How many records of the ledger still use a definition or a file."""
        ...

    def stored(self, path: str) -> bool:
        """Whether a file is in the storage outside Intercom."""
        ...


@dataclass(frozen=True)
class Call:
    """A request."""

    method: str
    path: str
    payload: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Rule:
    """How what was made here is taken back.

    Attributes:
        path: of the object, with its id to be filled in.
        call: that takes it back.
        changed: what a person has done to it since, in words; empty when nothing.
        show: how it is read; by its path unless it says otherwise.
        refusals: Intercom's codes that mean that something needs it still.
        archives: it can still be read afterwards, as archived.
        reads: requests that looking and proving take, as a rule; a list that is read once counts as none.
    """

    path: str
    changed: Callable[[Reader, Thing, Mapping[str, Any]], list[str]]
    call: Callable[[Thing], Call] | None = None
    show: Callable[[Reader, Thing], Any] | None = None
    refusals: Mapping[str, str] = field(default_factory=dict)
    archives: bool = False
    reads: int = 2

    def shown(self, desk: Reader, thing: Thing) -> Any:
        """The object as it is; None when it is gone or archived."""
        there = self.show(desk, thing) if self.show else desk.show(self.path.format(thing.intercom_id))
        return None if there is None or (self.archives and there.get("archived") is True) else there

    def taking(self, thing: Thing) -> Call:
        """The request that takes it back."""
        return self.call(thing) if self.call else Call("DELETE", self.path.format(thing.intercom_id))


def part_of(slot: str) -> str | None:
    """The object that a slot is about: `conversation/<key>/state` is about `conversation/<key>`."""
    match = _PART_OF.match(slot)
    return match[1] if match else None


# --- conversations


def _changed_conversation(desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:  # noqa: ARG001
    found = []
    parts = (shown.get("conversation_parts") or {}).get("conversation_parts") or []
    ours = thing.parts.get("conversation.reply", frozenset())
    strange = [part for part in parts if str(part.get("id")) not in ours and not _by_machine(part)]
    messages = sum(part.get("body") is not None and part.get("part_type") != "close" for part in strange)
    if messages:
        found.append(f"{messages} messages that are not ours")
    late = {
        str(part.get("part_type"))
        for part in strange
        if part.get("body") is None and float(part.get("created_at") or 0) > thing.touched_at + SKEW
    }
    found += [f"a later part of type {name}" for name in sorted(late)]
    tags = {str(tag["id"]) for tag in (shown.get("tags") or {}).get("tags") or []}
    if tags != set(thing.parts.get("conversation.tag", ())):
        found.append("other tags")
    people = {str(person["id"]) for person in (shown.get("contacts") or {}).get("contacts") or []}
    author = str(((shown.get("source") or {}).get("author") or {}).get("id"))
    if people - {author} - thing.parts.get("conversation.participant", frozenset()):
        found.append("other participants")
    return found + sorted(set(_other_settings(thing, shown)))


def _by_machine(part: Mapping[str, Any]) -> bool:
    return (part.get("author") or {}).get("type") == "bot"


def _other_settings(thing: Thing, shown: Mapping[str, Any]) -> Iterator[str]:
    """Title, assignment, company and state, as far as it is known what was sent."""
    for payload in thing.planned.values():
        if "title" in payload and not _same(payload["title"], shown.get("title")):
            yield "another title"
        company = (shown.get("company") or {}).get("id")
        if payload.get("company_id") and company not in {None, payload["company_id"]}:
            yield "another company"
        kind = payload.get("message_type")
        if kind == "assignment":
            name = "team_assignee_id" if payload.get("type") == "team" else "admin_assignee_id"
            if str(shown.get(name) or 0) != str(payload.get("assignee_id") or 0):
                yield "another assignment"
        elif kind in _STATES and shown.get("state") not in {_STATES[kind], *_ENDED.get(kind, ())}:
            yield "another state"


_STATES = {"close": "closed", "open": "open", "snoozed": "snoozed"}
_ENDED = {"snoozed": ("open",)}
"""A snooze ends by itself."""


# --- contacts and companies


def _changed_contact(desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    if shown.get("merged"):
        return ["it was merged into another contact"]
    found = _other_values(thing, shown)
    for kind, name in (("contact.company", "companies"), ("contact.tag", "tags")):
        listed = {str(item.get("id")) for item in (shown.get(name) or {}).get("data") or []}
        if listed - thing.parts.get(kind, frozenset()):
            found.append(f"other {name}")
    conversations = desk.stays(
        "conversation.create", desk.found("/conversations/search", "contact_ids", str(thing.intercom_id))
    )
    if conversations:
        found.append(f"{len(conversations)} conversations that stay")
    return found


def _changed_company(desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    found = _other_values(thing, shown)
    listed = desk.show(f"/companies/{thing.intercom_id}/contacts") or {}
    people = desk.stays("contact.upsert", [str(item["id"]) for item in listed.get("data") or []])
    if people:
        found.append(f"{len(people)} contacts that stay")
    return found


def _other_values(thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    if thing.sent is None:
        return _later(thing, shown)
    names = [name for name, value, there in _pairs(thing.sent, shown) if not _same(value, there, name)]
    return [f"other values: {', '.join(sorted(names))}"] if names else []


def _later(thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    """Without what was sent only the time can tell."""
    later = float(shown.get("updated_at") or 0) > thing.touched_at + SKEW
    return ["changed after the load (what was sent is not in the warehouse any more)"] if later else []


def _pairs(payload: Mapping[str, Any], shown: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each field of a payload with its value and the value shown."""
    attributes = shown.get("custom_attributes") or {}
    for name, value in payload.items():
        if name == "custom_attributes":
            yield from ((str(key), wanted, attributes.get(key)) for key, wanted in (value or {}).items())
        elif name == "plan":
            yield name, value, (shown.get("plan") or {}).get("name")
        else:
            yield name, value, shown.get(name)


def _same(one: Any, other: Any, name: str = "") -> bool:
    """Whether two values are the same but for the way they are written."""
    return bool(_plain(one, name) == _plain(other, name))


def _plain(value: Any, name: str) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    text = " ".join(str(value).split())
    if name == "phone":
        return _NOT_DIGITS.sub("", text)
    return text.casefold() if name == "email" else text


_UNKNOWN = "what was sent to it is not in the warehouse any more"


@dataclass(frozen=True)
class Restoration:
    """What brings the former values of an adopted object back.

    Attributes:
        payload: of the PUT; empty when everything is as it was.
        kept: why it can't be done as a whole, in words; empty when it can.
    """

    payload: Mapping[str, Any]
    kept: tuple[str, ...] = ()


def shown_values(shown: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Values of some fields and attributes of a contact or company, written in one way."""
    attributes = shown.get("custom_attributes") or {}
    return {
        name: _plain(attributes.get(name[len(_ATTRIBUTE) :]) if name.startswith(_ATTRIBUTE) else shown.get(name), name)
        for name in names
    }


def value_names(payload: Mapping[str, Any]) -> list[str]:
    """Names of the fields and attributes of a payload, as `shown_values` takes them."""
    fields = [name for name in payload if name != "custom_attributes"]
    return sorted([*fields, *(_ATTRIBUTE + name for name in payload.get("custom_attributes") or {})])


def restoration(thing: Thing, shown: Mapping[str, Any], *, include_changed: bool) -> Restoration:
    """Compare an adopted contact or company with what it was and with what was sent to it.

    Args:
        thing: with `former` and `conflict`.
        shown: the object as it is.
        include_changed: also what a person has set to something else since.
    """
    if thing.sent is None and not include_changed:
        return Restoration({}, (_UNKNOWN,))
    sent = thing.conflict if thing.sent is not None else _everything(thing.former, shown)
    if not sent:
        return Restoration({})
    if thing.former is None:
        return Restoration({}, ("no extract from before the load holds its former values",))
    before = {name: value for name, _, value in _pairs(sent, thing.former)}
    differing = [
        (name, _same(planned, there, name))
        for name, planned, there in _pairs(sent, shown)
        if name not in _KEYS and not _same(before[name], there, name)
    ]
    attributes = {name for name, _ in differing} & set(sent.get("custom_attributes") or {})
    fields = {name for name, _ in differing} - attributes
    # No field of a company takes null, but its attributes do (companies: update).
    blanks = {name for name in fields if before[name] is None and thing.kind == "company.upsert"}
    others = {name for name, as_sent in differing if not (as_sent or include_changed)}
    kept = []
    if others:
        kept.append(f"other values: {', '.join(sorted(others))}")
    if blanks:
        kept.append(f"was empty before, which Intercom does not take back: {', '.join(sorted(blanks))}")
    payload: dict[str, Any] = {name: before[name] for name in sorted(fields - blanks)}
    if attributes:
        payload["custom_attributes"] = {name: before[name] for name in sorted(attributes)}
    return Restoration(payload, tuple(kept))


def _everything(former: Mapping[str, Any] | None, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever a load may have sent: name, telephone number, and the attributes of either side."""
    names = {*((former or {}).get("custom_attributes") or {}), *(shown.get("custom_attributes") or {})}
    return {"name": None, "phone": None, "custom_attributes": dict.fromkeys(sorted(names))}


# --- definitions


def _changed_tag(desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    found = _renamed(thing, shown) + _used(desk, thing)
    if found:
        return found
    tag = str(thing.intercom_id)
    conversations = desk.stays("conversation.create", desk.found("/conversations/search", "tag_ids", tag))
    contacts = desk.stays("contact.upsert", desk.found("/contacts/search", "tag_id", tag))
    for number, name in ((len(conversations), "conversations"), (len(contacts), "contacts")):
        if number:
            found.append(f"{number} {name} that stay have it")
    return found


def _changed_definition(desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    return _renamed(thing, shown) + _used(desk, thing)


def _renamed(thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    name = (thing.sent or {}).get("name")
    return [] if name is None or str(shown.get("name", "")).casefold() == name.casefold() else ["another name"]


def _used(desk: Reader, thing: Thing) -> list[str]:
    number = desk.users(thing)
    return [f"{number} records that stay use it"] if number else []


def _show_data_attribute(desk: Reader, thing: Thing) -> Any:
    """There is no operation that reads one (data attributes: list)."""
    for item in desk.listed("/data_attributes", {"include_archived": "true"}):
        if str(item.get("id")) == thing.intercom_id:
            return item
    return None


def _archive_data_attribute(thing: Thing) -> Call:
    return Call("PUT", f"/data_attributes/{thing.intercom_id}", {"archived": True})


# --- help centre


def _changed_article(_desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    sent = thing.sent
    if sent is None:
        return _later(thing, shown)
    found = [f"another {name}" for name in ("title", "state") if name in sent and sent[name] != shown.get(name)]
    return found or (
        ["changed after the load"] if float(shown.get("updated_at") or 0) > thing.touched_at + SKEW else []
    )


def _changed_collection(desk: Reader, thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    """Deleting a collection deletes those in it."""
    found = _renamed(thing, shown)
    inside = [
        *desk.stays("article.create", _inside(desk.listed("/articles"), "parent_ids", thing)),
        *desk.stays("collection.create", _inside(desk.listed("/help_center/collections"), "parent_id", thing)),
    ]
    return [*found, f"{len(inside)} articles or collections in it that stay"] if inside else found


def _inside(items: Iterable[Mapping[str, Any]], name: str, thing: Thing) -> Iterator[str]:
    for item in items:
        parents = item.get(name)
        if str(thing.intercom_id) in map(str, parents if isinstance(parents, list) else [parents]):
            yield str(item["id"])


# --- files outside Intercom


def file_path(thing: Thing) -> str:
    """Where a stored file is, below the storage's folder."""
    return str((thing.undo or {}).get("path", "")).partition(":")[2]


def _show_file(desk: Reader, thing: Thing) -> Any:
    return {"path": file_path(thing)} if desk.stored(file_path(thing)) else None


def _changed_file(desk: Reader, thing: Thing, _shown: Mapping[str, Any]) -> list[str]:
    return _used(desk, thing)


def _remove_file(thing: Thing) -> Call:
    undo = thing.undo or {}
    return Call(str(undo.get("method")), str(undo.get("path")))


def rules(*, retain_metrics: bool) -> Mapping[str, Rule]:
    """The rules by kind.

    Args:
        retain_metrics: leave deleted conversations in reports (conversations: delete).
    """

    def delete_conversation(thing: Thing) -> Call:
        query = {"retain_metrics": "true" if retain_metrics else "false"}
        return Call("DELETE", f"/conversations/{thing.intercom_id}", query=query)

    needed = {
        "tag_has_dependent_objects": "a segment needs it: change the segment in Intercom, then run this again",
        "data_invalid": "something needs it: Intercom's settings of the attribute show what",
    }
    return {
        "conversation.create": Rule("/conversations/{}", _changed_conversation, delete_conversation),
        "contact.upsert": Rule("/contacts/{}", _changed_contact, reads=3),
        "company.upsert": Rule("/companies/{}", _changed_company, reads=3),
        "tag.create": Rule("/tags/{}", _changed_tag, refusals=needed, reads=4),
        "conversation_attribute.create": Rule(
            "/conversations/attributes/{}", _changed_definition, refusals=needed, archives=True
        ),
        "data_attribute.create": Rule(
            "/data_attributes/{}",
            _changed_definition,
            _archive_data_attribute,
            _show_data_attribute,
            needed,
            archives=True,
            reads=0,
        ),
        "article.create": Rule("/articles/{}", _changed_article),
        "collection.create": Rule("/help_center/collections/{}", _changed_collection),
        "file.store": Rule("", _changed_file, _remove_file, _show_file, reads=0),
    }


OBJECT_PATHS = {"contact.upsert": "/contacts/{}", "company.upsert": "/companies/{}"}
"""Of what may have been adopted with changes."""


def setting_back(thing: Thing) -> Call | None:
    """The call that takes a single setting back; None when Intercom has none for it."""
    if thing.undo:
        return Call(str(thing.undo["method"]), str(thing.undo["path"]), thing.undo.get("payload"))
    name = _attribute_name(thing)
    if thing.kind == "conversation.attribute" and name and thing.parts.get("conversation.create"):
        (number,) = thing.parts["conversation.create"]
        return Call("PUT", f"/conversations/{number}", {"custom_attributes": {name: None}})
    return None


def _attribute_name(thing: Thing) -> str:
    return thing.slot.partition("/attribute/")[2]


def set_value(thing: Thing, shown: Mapping[str, Any]) -> Any:
    """The value that a conversation shows for the custom attribute that was set; None when it has none."""
    return (shown.get("custom_attributes") or {}).get(_attribute_name(thing))


def changed_value(thing: Thing, shown: Mapping[str, Any]) -> list[str]:
    """Why the custom attribute that was set to a conversation is not emptied; nothing when it is as it was sent."""
    if thing.sent is None:
        return [_UNKNOWN]
    name = _attribute_name(thing)
    planned = (thing.sent.get("custom_attributes") or {}).get(name)
    return [] if _same(planned, set_value(thing, shown), name) else [f"another value of {name}"]


def setting_is_back(desk: Reader, kind: str, undo: Mapping[str, Any]) -> bool:
    """Whether a setting that was taken back by this call is not there any more."""
    path = str(undo.get("path", "")).split("/")
    owner, last = "/".join(path[:3]), path[-1]
    if kind in ON_CONTACT:
        listed = desk.show("/".join(path[:4])) or {}
        items = listed.get("data") or []
        return last not in {str(item.get("id")) for item in items}
    shown = desk.show(owner) or {}
    if kind == "conversation.tag":
        return last not in {str(tag["id"]) for tag in (shown.get("tags") or {}).get("tags") or []}
    if kind == "conversation.participant":
        return last not in {str(person["id"]) for person in (shown.get("contacts") or {}).get("contacts") or []}
    attributes = shown.get("custom_attributes") or {}
    names = (undo.get("payload") or {}).get("custom_attributes") or {}
    return all(attributes.get(name) is None for name in names)
