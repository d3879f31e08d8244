"""What can be chosen about the simulated workspace.

The second half is the list of things that nobody has observed on a live workspace yet: each is a switch, so
that a rehearsal can be run under either answer.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from load.simulator.faults import Fault

#: Elements that survive in teammates' comments and notes. Documented is only that there is such a list, that
#: h2, ul, ol and li are on it and div, html and body are not (examples of Intercom REST 2.16, conversations:
#: reply).
ALLOWED_TAGS = frozenset(
    "a b blockquote br code em h1 h2 i li ol p pre strong u ul".split()  # noqa: SIM905 - reads better as words
)


@dataclass(frozen=True)
class Options:
    """Identity, limits and switches of a simulated workspace; README.md lists the source of each rule.

    Attributes:
        access_token: the only bearer token that is accepted; None accepts any that is not empty.
        workspace_id: `app.id_code` of GET /me.
        workspace_name: `app.name` of GET /me.
        region: `app.region` of GET /me: US, EU or AU.
        timezone: IANA name; searching contacts by time compares days of this zone.
        rate_limit: requests per window of ten seconds; None is no limit and no headers.
        without_rate_headers: answers do not say what is left of the limit.
        steal: requests of each window that another client of the workspace makes, evenly spread.
        forbidden: what the token may not do, answered 403 `forbidden` before anything is looked up: methods with
            paths as in the description, with a parameter of the query where only that is forbidden
            (`DELETE /conversations/{conversation_id}?retain_metrics=false`).
        clock: seconds since 1970; tests give their own.
        faults: what goes wrong, and when.
        fault_rate: share of all requests, from 0 to 1, that meet a fault by chance (`faults.BY_CHANCE`).
        fault_seed: of the chance.
        latency: seconds that every answer takes longer, half of them before the request is counted.
        search_lag: seconds until searches see a new or changed contact or conversation.
        contact_lag: seconds during which starting a conversation with a new contact gives 404.
        default_version: used when a request names no Intercom-Version; None refuses such requests.
        assign_reopens: assigning a closed conversation opens it.
        update_reopens: PUT on a closed conversation opens it.
        tag_reopens: tagging a closed conversation opens it.
        admin_comment_reopens: a teammate's comment on a closed conversation opens it.
        nonparticipant_may_reply: a contact who is not in the conversation may reply.
        unchanged_attribute_adds_part: setting an attribute to the value that it has adds a part, too.
        parts_by_date: parts come ordered by `created_at` instead of in the order in which they were posted.
        search_custom_attributes: conversation search takes `custom_attribute.<name>`.
        company_attributes_must_exist: unknown custom attributes of companies are refused.
        phone_must_be_e164: contacts' telephone numbers in any other form are refused.
        max_string_attribute: characters in a string attribute; None is no limit.
        max_file_bytes: bytes in one attached file; None is no limit.
        company_archival: seconds that a deleted company is still there (companies: delete is asynchronous).
        archived_names_are_taken: an archived attribute keeps its name from a new one.
        depended_on: names of tags and attributes that something else needs, e.g. a segment: they can't be removed.
        allowed_tags: HTML elements kept in teammates' comments and notes.
        system_attributes: values that Intercom itself adds to every conversation's `custom_attributes`.
    """

    access_token: str | None = None
    workspace_id: str = "simulated"
    workspace_name: str = "Simulated workspace"
    region: str = "US"
    timezone: str = "UTC"
    rate_limit: int | None = 1666
    without_rate_headers: bool = False
    steal: int = 0
    forbidden: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.time
    faults: tuple[Fault, ...] = ()
    fault_rate: float = 0.0
    fault_seed: int = 0
    latency: float = 0.0

    search_lag: float = 0.0
    contact_lag: float = 0.0
    default_version: str | None = None
    assign_reopens: bool = True
    update_reopens: bool = False
    tag_reopens: bool = False
    admin_comment_reopens: bool = False
    nonparticipant_may_reply: bool = False
    unchanged_attribute_adds_part: bool = True
    parts_by_date: bool = False
    search_custom_attributes: bool = False
    company_attributes_must_exist: bool = True
    phone_must_be_e164: bool = False
    max_string_attribute: int | None = None
    max_file_bytes: int | None = None
    company_archival: float = 0.0
    archived_names_are_taken: bool = False
    depended_on: frozenset[str] = frozenset()
    allowed_tags: frozenset[str] = ALLOWED_TAGS
    system_attributes: Mapping[str, str | int | bool] = field(default_factory=dict)
