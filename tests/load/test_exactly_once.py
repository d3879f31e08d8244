"""Ways in which a record could be sent twice, taken for another or taken from a person; each was found by a review."""

import re
import sqlite3
from typing import Any

import httpx
import pytest
from killed import Loads
from little_plan import know
from rehearsals import PatientClock, Rehearsal, Rehearse
from test_parking import letters, with_its_clock
from test_rollback import adopting, by_hand, extract, killed_at, objects, take_back

from load.client import Client
from load.ledger import Ledger
from load.rollback.owned import Selection
from load.simulator import Fault

REPLY = "/conversations/{conversation_id}/reply"


def conversations(rehearsal: Rehearsal) -> int:
    return int(rehearsal.workspace.counts()["conversations"])


def line_of(rehearsal: Rehearsal, slot: str) -> Any:
    return next(line for line in rehearsal.plan.lines if line.slot == slot)


# --- how long a lost call is looked for


@pytest.mark.parametrize("goes_on", ["apply", "rollback"])
def test_the_last_attempt_of_a_killed_run_is_given_its_time_to_be_seen(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, goes_on: str
) -> None:
    """The first attempt is cut, looked for and repeated; the second takes effect just before the kill."""
    fault = Fault("POST", "/conversations", nth=1, when="before")
    rehearsal = with_its_clock(rehearse, search_lag=20.0, faults=(fault,), tickets=range(1, 2))
    rehearsal.intercom = {"search_lag": 30.0}
    with killed_at(monkeypatch, Ledger, "close_intent", 1, lambda *_, **__: conversations(rehearsal) > 0):
        rehearsal.apply(workers=1)
    assert conversations(rehearsal) == 1
    if goes_on == "apply":
        assert rehearsal.apply().exit_code == 0
        assert conversations(rehearsal) == 1
    else:
        take_back(rehearsal)
        assert conversations(rehearsal) == 0


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_computers_clock_that_is_set_changes_no_waiting(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    clock = PatientClock()
    rehearsal = rehearse(
        clock=PatientClock.time.__get__(clock),
        search_lag=20.0,
        tickets=range(1, 2),
        faults=(Fault("POST", "/conversations", when="after_commit"),),
    )
    rehearsal.clock = clock
    rehearsal.intercom = {"search_lag": 30.0}
    real_call, real_time = Client.call, clock.time

    def call(self: Client, method: str, path: str, *args: Any, **more: Any) -> Any:
        if path == "/conversations/search":  # the loss has been noted
            monkeypatch.setattr(clock, "time", lambda: real_time() + jump)
        return real_call(self, method, path, *args, **more)

    monkeypatch.setattr(Client, "call", call)
    assert rehearsal.apply(workers=1).exit_code == 0
    assert conversations(rehearsal) == 1
    assert clock.slept < 120


# --- what is found, and what is not believed


class Between(httpx.HTTPTransport):
    """Something on the way that answers one request itself."""

    def __init__(self, method: str, path: str, answer: httpx.Response) -> None:
        super().__init__()
        self.asked, self.answers = (method, re.compile(path)), [answer]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.answers and request.method == self.asked[0] and self.asked[1].fullmatch(request.url.path):
            return self.answers.pop()
        return super().handle_request(request)


@pytest.mark.parametrize(
    ("lost", "method", "path"),
    [
        ("/conversations", "POST", "/conversations/search"),
        (REPLY, "GET", r"/conversations/\d+"),
        ("/articles", "GET", "/articles"),
    ],
)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"status_code": 200, "json": {"status": "maintenance"}}, id="foreign"),
        pytest.param({"status_code": 200}, id="empty"),
        pytest.param({"status_code": 404, "html": "<h1>404 no backend</h1>"}, id="not found"),
    ],
)
def test_an_answer_that_is_not_intercoms_is_not_believed_when_a_lost_call_is_looked_up(
    rehearse: Rehearse, lost: str, method: str, path: str, answer: dict[str, Any]
) -> None:
    quiet = rehearse(tickets=range(1, 2))
    quiet.apply()
    rehearsal = rehearse(tickets=range(1, 2), faults=(Fault("POST", lost, when="after_commit"),))
    way = Between(method, path, httpx.Response(**answer))
    with Client(rehearsal.settings.intercom, clock=rehearsal.clock, transport=way) as client:
        assert rehearsal.apply(client=client).exit_code == 0
    assert way.answers == []
    assert rehearsal.content() == quiet.content()


def test_a_conversation_is_not_gone_because_something_on_the_way_says_so(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    way = Between("GET", r"/conversations/\d+", httpx.Response(404, html="<h1>404 no backend</h1>"))
    with Client(rehearsal.settings.intercom, clock=rehearsal.clock, transport=way) as client:
        result = take_back(rehearsal, Selection(conversation="t1"), client=client)
    assert (result.exit_code, dict(result.gone), conversations(rehearsal)) == (0, {}, 0)


def test_a_conversation_whose_words_came_back_otherwise_is_for_a_person_to_decide(rehearse: Rehearse) -> None:
    holder: list[Rehearsal] = []

    def altered(_seen: Any) -> str:
        with holder[0].workspace.transaction() as tx:
            tx.execute("update conversations set body = body || ' tidied up'")
        return "drop"

    fault = Fault("POST", "/conversations", when="after_commit", do=altered)
    rehearsal = rehearse(tickets=range(1, 2), faults=(fault,))
    holder.append(rehearsal)
    assert rehearsal.apply().exit_code == 4
    assert letters(rehearsal)[0] == ("conversation/t1", "unknown")
    assert conversations(rehearsal) == 1


def test_what_is_unknown_is_not_sent_again_when_it_changes(rehearse: Rehearse) -> None:
    holder: list[Rehearsal] = []

    def altered(_seen: Any) -> str:
        with holder[0].workspace.transaction() as tx:
            tx.execute("update parts set body = '<p>tidied up</p>' where id = (select max(id) from parts)")
        return "drop"

    fault = Fault("POST", REPLY, nth=2, when="after_commit", do=altered)
    rehearsal = rehearse(tickets=range(1, 2), faults=(fault,))
    holder.append(rehearsal)
    assert rehearsal.apply().exit_code == 4
    line = line_of(rehearsal, "conversation/t1/part/a1-2")
    rehearsal.plan.change(line.slot, payload={**line.payload, "admin_id": rehearsal.ids.other})
    rehearsal.build()
    assert rehearsal.apply().exit_code == 4
    assert letters(rehearsal)[0] == (line.slot, "unknown")
    with rehearsal.workspace.reading() as tx:
        (number,) = tx.execute(
            "select count(*) from parts where created_at = ?", [line.payload["created_at"]]
        ).fetchone()
    assert number == 1


def test_conversations_that_differ_only_in_markup_are_told_apart(rehearse: Rehearse) -> None:
    """The answer to the first is slow, the second is cut."""
    faults = (
        Fault("POST", "/conversations", nth=1, when="after_commit", do="delay:0.5"),
        Fault("POST", "/conversations", nth=2, when="before"),
    )
    rehearsal = rehearse(build=False, tickets=range(1, 7, 5), faults=faults)
    payload = line_of(rehearsal, "conversation/t1").payload
    rehearsal.plan.change("conversation/t1", payload={**payload, "body": "see log"})
    rehearsal.plan.change("conversation/t6", payload={**payload, "body": "see <b>log</b>"})
    rehearsal.build()
    rehearsal.apply(workers=2)
    with sqlite3.connect(rehearsal.ledger) as db:
        ids = db.execute("select intercom_id from settled where kind = 'conversation.create'").fetchall()
    assert len(set(ids)) == len(ids) == conversations(rehearsal) == 2


# --- what belongs to somebody else


@pytest.mark.parametrize("do", ["delay:0.5", "drop"])
def test_a_contact_that_another_lane_has_just_made_is_not_taken_for_one_that_was_there(
    rehearse: Rehearse, do: str
) -> None:
    fault = Fault("POST", "/contacts", nth=1, when="after_commit", do=do)
    rehearsal = rehearse(build=False, tickets=range(1, 2), faults=(fault,))
    payload = line_of(rehearsal, "contact/u2").payload
    rehearsal.plan.change("contact/u2", payload={**payload, "email": "person1@example.com"})
    rehearsal.build()
    rehearsal.apply()
    with sqlite3.connect(rehearsal.ledger) as db:
        (code,) = db.execute("select code from dead_letters where slot in ('contact/u1', 'contact/u2')").fetchone()
    assert code == "contact_of_another_record"
    names = [one["name"] for one in objects(rehearsal, "contact") if one["email"] == "person1@example.com"]
    assert names in (["Person 1"], ["Person 2"])


def test_a_membership_that_a_person_had_made_is_not_taken_back(rehearse: Rehearse) -> None:
    rehearsal = rehearse(build=False, tickets=range(1, 2))
    know(rehearsal.workspace)
    company = by_hand(rehearsal, "POST", "/companies", {"company_id": "c2", "name": "Known"})
    query = {"query": {"field": "email", "operator": "=", "value": "person1@example.com"}}
    [contact] = by_hand(rehearsal, "POST", "/contacts/search", query)["data"]
    by_hand(rehearsal, "POST", f"/contacts/{contact['id']}/companies", {"id": company["id"]})
    with rehearsal.workspace.transaction() as tx:
        tx.execute("update companies set created_at = created_at - 86400")
    rehearsal.build()
    slot = "contact/u1/company/c2"
    with Loads() as loads:
        how = {"slot": slot, "action": "send", "boundary": "after the intent"}
        assert loads.run(rehearsal.folder, rehearsal.base_url, **how) == -9
    rehearsal.plan.drop(slot)
    rehearsal.build()
    assert rehearsal.apply().exit_code == 0
    there = by_hand(rehearsal, "GET", f"/contacts/{contact['id']}/companies")["data"]
    assert [one["id"] for one in there] == [company["id"]]


def test_an_adopted_company_stays_adopted_after_a_killed_update_and_a_rollback(rehearse: Rehearse) -> None:
    rehearsal = adopting(rehearse)
    with rehearsal.workspace.transaction() as tx:
        tx.execute("update companies set created_at = created_at - 86400")
    extract(rehearsal)

    def want(city: str) -> None:
        rehearsal.plan.change("company/c2", on_conflict={"custom_attributes": {"city": city}}, content=city)
        rehearsal.build()

    want("B")
    rehearsal.apply()
    want("C")
    with Loads() as loads:
        how = {"slot": "company/c2", "action": "update", "boundary": "after the intent"}
        assert loads.run(rehearsal.folder, rehearsal.base_url, **how) == -9
    want("B")
    take_back(rehearsal)
    rehearsal.apply()
    assert "Known before" in {one["name"] for one in objects(rehearsal, "company") if one["company_id"] == "c2"}


def test_what_was_there_before_is_asked_again_later_when_intercom_does_not_say(rehearse: Rehearse) -> None:
    fault = Fault("GET", "/companies", times=16, do="status:503")
    assert rehearse(tickets=range(1, 2), faults=(fault,)).apply().exit_code == 0
