"""No request that could notify somebody goes out unsilenced or unacknowledged."""

import re
import sqlite3
from collections.abc import Mapping

import pytest
from little_plan import Line
from recording import Recorder, Sent
from rehearsals import Rehearsal, Rehearse

from load import silence
from load.client import Client
from load.engine import Result
from load.errors import AcknowledgeError, SettingsError, UnsilencedError
from load.kinds import KINDS
from load.ledger import Ledger
from load.silence import (
    ALL,
    CONTACT_MESSAGES,
    HELP_CENTRE,
    OUTBOUND_MESSAGES,
    REPORTING_TIME,
    TEAMMATE_NOTIFICATIONS,
    WEBHOOKS,
    WORKFLOWS,
    effects_of,
)

PEOPLE = {OUTBOUND_MESSAGES, WEBHOOKS}
CHANGE = {WORKFLOWS, WEBHOOKS, REPORTING_TIME}
ATTENTION = CHANGE | {TEAMMATE_NOTIFICATIONS}
MESSAGE = ATTENTION | {CONTACT_MESSAGES}

KNOWN: Mapping[str, set[str]] = {
    r"POST /conversations/attributes|POST /data_attributes|POST /tags": set(),
    r"(POST|PUT) /companies(/\w+)?": PEOPLE,
    r"(POST|PUT) /contacts(/\w+)?": PEOPLE,
    r"POST /contacts/\w+/(companies|tags|unarchive)": PEOPLE,
    r"DELETE /contacts/\w+/(companies|tags)/\w+": PEOPLE,
    r"POST /conversations|POST /conversations/\d+/customers": MESSAGE,
    r"DELETE /conversations/\d+/customers/\w+": ATTENTION,
    r"(POST|DELETE) /conversations/\d+/tags(/\d+)?": CHANGE,
    r"PUT /conversations/\d+": CHANGE,
    r"POST /conversations/\d+/parts": ATTENTION,
    r"POST /help_center/collections": {HELP_CENTRE},
    r"POST /articles": set(),
}
"""What the API facts say of each write; replies are told apart by who speaks."""


def expected(sent: Sent) -> set[str] | None:
    """What a request may cause, judged without the loader's rules; None for one that only reads."""
    call = f"{sent.method} {sent.path}"
    if sent.method == "GET" or sent.path.endswith("/search"):
        return None
    if re.fullmatch(r"POST /conversations/\d+/reply", call):
        if sent.body["type"] == "user":
            return MESSAGE
        assert sent.body["skip_notifications"] is True, call
        return ATTENTION
    assert not (sent.path.endswith("/parts") and sent.body.get("body"))
    assert sent.path != "/articles" or sent.body["state"] == "draft"
    [found] = [effects for pattern, effects in KNOWN.items() if re.fullmatch(pattern, call)] or [None]
    assert found is not None, f"nobody has thought of {call}"
    return found


def recorded(rehearsal: Rehearsal, **more: object) -> tuple[Result, list[Sent]]:
    recorder = Recorder()
    with Client(rehearsal.settings.intercom, clock=rehearsal.clock, transport=recorder) as client:
        return rehearsal.apply(client=client, **more), recorder.sent


def every_kind(rehearse: Rehearse) -> Rehearsal:
    """Every kind of the plan, an adoption, and what an undo will take back."""
    rehearsal = rehearse(tickets=range(4, 7))
    rehearsal.workspace.seed(contacts=[{"role": "user", "email": "person1@example.com"}])
    tag = {"id": {"$ref": "tag/urgent"}}
    address = {"email": "u9@example.com"}
    held = {"role": "user", "external_id": "u9"}
    rehearsal.plan.keep_outside("film", b"abc")
    rehearsal.plan.lines += [
        Line("contact/u9", 3, "contact/u9", 0, "contact.upsert", "POST", "/contacts", held, "contact/u9", "keep", held),
        Line(
            "contact/u2/tag",
            4,
            "contact/u2",
            1,
            "contact.tag",
            "POST",
            "/contacts/{contact/u2}/tags",
            tag,
            None,
            "undo",
        ),
        Line("contact/u9/email", 8, "contact/u9/email", 0, "contact.email", "PUT", "/contacts/{contact/u9}", address),
    ]
    rehearsal.build()
    return rehearsal


def test_every_request_of_a_load_is_silenced_harmless_or_acknowledged(rehearse: Rehearse) -> None:
    rehearsal = every_kind(rehearse)
    assert {line.kind for line in rehearsal.plan.lines} == set(KINDS)
    first, sent = recorded(rehearsal)
    for slot in ("contact/u2/tag", "contact/u3/company/c2", "conversation/t4/tag/urgent"):
        rehearsal.plan.drop(slot)
    rehearsal.plan.drop("conversation/t4/participant/contact/u1")
    rehearsal.build()
    second, more = recorded(rehearsal)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert {label for label in second.written if label.endswith("(undo)")} >= {
        "contact.tag (undo)",
        "contact.company (undo)",
        "conversation.tag (undo)",
        "conversation.participant (undo)",
    }
    judged = [(one, expected(one)) for one in sent + more]
    writes = [(one, effects) for one, effects in judged if effects is not None]
    for one, effects in writes:
        assert effects_of(one.method, one.path, one.body) == effects, one
    # The simulator's own log knows of no write beside these: nothing passed by another way.
    assert rehearsal.accepted() == sum(one.status == 200 for one, _ in writes)


@pytest.mark.parametrize("effect", ALL)
def test_a_call_with_an_effect_that_nobody_acknowledged_stops_the_run_before_it_is_sent(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, effect: str
) -> None:
    monkeypatch.setattr(silence, "demand", lambda *_: None)  # as if the plan had looked harmless
    rehearsal = every_kind(rehearse)
    result, sent = recorded(rehearsal, acknowledge=[name for name in ALL if name != effect])
    assert (result.state, result.exit_code) == ("stopped", 3)
    assert effect in (result.reason or "")
    assert not [one for one in sent if effect in (expected(one) or ())]
    assert recorded(rehearsal)[0].exit_code == 0


@pytest.mark.parametrize(
    ("slot", "changes"),
    [
        ("conversation/t5/part/a5-1", {"skip_notifications": False}),
        ("conversation/t5/part/a5-2", {"skip_notifications": None}),
        ("conversation/t5/state", {"body": "<p>Closed.</p>"}),
    ],
)
def test_what_could_be_silenced_and_is_not_is_never_sent(
    rehearse: Rehearse, slot: str, changes: dict[str, object]
) -> None:
    rehearsal = rehearse(tickets=range(5, 6))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == slot)
    payload = {name: value for name, value in {**line.payload, **changes}.items() if value is not None}
    rehearsal.plan.change(slot, payload=payload)
    rehearsal.build()
    result, sent = recorded(rehearsal)
    assert (result.state, result.exit_code) == ("stopped", 3)
    assert payload not in [one.body for one in sent]


def test_a_call_that_nobody_has_thought_of_is_never_sent() -> None:
    with pytest.raises(UnsilencedError, match="POST /messages"):
        effects_of("POST", "/messages", {"message_type": "email"})
    with pytest.raises(UnsilencedError):
        effects_of("POST", "/conversations/1/convert", {})


def test_every_kind_has_a_rule() -> None:
    assert set(silence.OF_KIND) == set(KINDS)


def test_a_load_is_refused_until_every_effect_is_acknowledged_by_name(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    with pytest.raises(AcknowledgeError) as refused:
        rehearsal.apply(acknowledge=[name for name in ALL if name != WORKFLOWS])
    assert "workflows (" in str(refused.value)
    assert "webhooks (" not in str(refused.value)
    # Of the line that is proposed nothing has to be added to what was given before.
    assert str(refused.value).endswith(" ".join(f"--acknowledge {name}" for name in ALL))
    assert refused.value.exit_code == 3
    with pytest.raises(SettingsError, match="no side effect named everything"):
        rehearsal.apply(acknowledge=["everything"])
    assert rehearsal.accepted() == 0
    rehearsal.apply()
    [plan] = rehearsal.announced
    assert [one.effect.name for one in plan.side_effects] == list(ALL)


def test_an_acknowledgement_is_for_one_plan(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "email": "no address"})
    rehearsal.build()
    rehearsal.apply()
    # The same plan: nothing to repeat, also when something is due.
    assert rehearsal.apply(retry_failed=True, acknowledge=()).left_over["refused"] == 1
    with Ledger(rehearsal.ledger) as ledger, sqlite3.connect(rehearsal.ledger) as db:
        (plan_hash,) = db.execute("select distinct plan_hash from acknowledgements").fetchone()
        assert ledger.acknowledged(plan_hash) == set(ALL)
    # Another one, of which something is due.
    rehearsal.plan.change(line.slot, payload=line.payload)
    rehearsal.build()
    with pytest.raises(AcknowledgeError):
        rehearsal.apply(acknowledge=())
    rehearsal.apply()


def test_where_nothing_is_due_nothing_is_to_be_acknowledged(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    before = rehearsal.apply().plan.plan_hash
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "phone": "+49301234567"}, content=line.payload)
    rehearsal.build()
    result = rehearsal.apply(acknowledge=())
    assert result.plan.plan_hash != before
    assert result.written == {}


def test_a_published_article_is_visible_at_once_and_a_draft_is_not() -> None:
    assert effects_of("POST", "/articles", {"title": "x", "state": "published"}) == {HELP_CENTRE}
    assert effects_of("POST", "/articles", {"title": "x"}) == set()
