"""Contacts who are made without their address get it in the last phase, once, and nobody's is overwritten."""

from typing import Any

from little_plan import Line
from rehearsals import Rehearsal, Rehearse

from load.ledger import Ledger
from load.selection import Selection
from load.simulator import Fault


def hold(rehearsal: Rehearsal) -> None:
    """Plan all contacts without their address, and each address in the last phase."""
    for line in [line for line in rehearsal.plan.lines if line.kind == "contact.upsert"]:
        payload = {name: value for name, value in line.payload.items() if name != "email"}
        rehearsal.plan.change(line.slot, payload=payload)
        slot = f"{line.slot}/email"
        address = {"email": line.payload["email"]}
        path = f"/contacts/{{{line.slot}}}"
        rehearsal.plan.lines.append(Line(slot, 8, slot, 0, "contact.email", "PUT", path, address, None, "keep"))
    rehearsal.build()


def contacts(rehearsal: Rehearsal) -> dict[str, dict[str, Any]]:
    return {str(found["external_id"]): found for found in rehearsal.content() if found["object"] == "contact"}


def reason(rehearsal: Rehearsal, slot: str) -> tuple[str, str, str]:
    with Ledger(rehearsal.ledger) as ledger:
        letter = ledger.dead_letter_of(slot)
    assert letter is not None
    return letter.reason, letter.code, letter.message


def test_addresses_come_after_everything_else_and_the_workspace_is_as_without_holding(rehearse: Rehearse) -> None:
    plain, held = rehearse(tickets=range(1, 4)), rehearse(tickets=range(1, 4))
    hold(held)
    assert plain.apply().exit_code == 0
    result = held.apply()
    assert (result.exit_code, result.written) == (0, result.plan.writes)
    assert held.content() == plain.content()
    accepted = [
        (request["method"], request["template"]) for request in held.workspace.requests() if request["accepted"]
    ]
    address = ("PUT", "/contacts/{contact_id}")
    assert accepted[-5:] == [address] * 5
    assert address not in accepted[:-5]
    assert held.apply().written == {}


REPLY = "/conversations/{conversation_id}/reply"


def test_addresses_wait_until_every_conversation_is_there(rehearse: Rehearse) -> None:
    parked = Fault("POST", "/conversations/500/reply", nth=1, times=8, do="status:500")
    refused = Fault("POST", r"/conversations/(?!500)\d+/reply", nth=1, do="status:422")
    rehearsal = rehearse(tickets=range(1, 3), faults=(parked, refused))
    hold(rehearsal)
    for result in (rehearsal.apply(), rehearsal.apply()):
        assert (result.exit_code, result.addresses_waiting) == (4, 5)
        assert result.sentence.endswith("5 addresses that wait until all others are there.")
    assert rehearsal.apply(retry_failed=True).exit_code == 0
    accepted = [
        (request["method"], request["template"]) for request in rehearsal.workspace.requests() if request["accepted"]
    ]
    assert accepted[-5:] == [("PUT", "/contacts/{contact_id}")] * 5
    assert accepted.count(("POST", REPLY)) == 6


def test_a_selection_gives_nobody_his_address_and_the_whole_does(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 7, 5))  # both of the same contact
    hold(rehearsal)
    part = rehearsal.apply(selection=Selection(conversations=("t1",)))
    assert (part.exit_code, part.written) == (0, part.plan.writes)
    assert part.sentence.endswith("; 1 addresses wait for an apply without selection.")
    assert [found["email"] for found in contacts(rehearsal).values()] == [None]
    assert rehearsal.apply().written["contact.email"] == 5
    again = rehearsal.apply(selection=Selection(conversations=("t1",)))
    assert "addresses wait" not in again.sentence


def test_a_run_that_ends_before_the_last_phase_goes_on_with_it(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), faults=(Fault("PUT", "/contacts/{contact_id}", nth=2, do="status:401"),))
    hold(rehearsal)
    stopped = rehearsal.apply(workers=1)
    assert (stopped.state, stopped.written["contact.email"]) == ("stopped", 1)
    assert rehearsal.apply().written == {"contact.email": 4}
    assert {found["email"] for found in contacts(rehearsal).values()} == {f"person{n}@example.com" for n in range(1, 6)}


def test_an_address_without_an_answer_is_simply_given_again(rehearse: Rehearse) -> None:
    lost = Fault("PUT", "/contacts/{contact_id}", nth=1, do="drop", when="after_commit")
    rehearsal = rehearse(tickets=range(1, 2), faults=(lost,))
    hold(rehearsal)
    result = rehearsal.apply()
    assert (result.exit_code, result.written["contact.email"]) == (0, 5)
    assert len([found for found in contacts(rehearsal).values() if found["email"]]) == 5


def test_an_address_that_another_contact_has_is_left_over_with_the_way_out(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    hold(rehearsal)
    known = {"role": "user", "external_id": "older", "email": "person2@example.com"}
    rehearsal.workspace.seed(contacts=[known])
    result = rehearsal.apply()
    assert (result.exit_code, result.left_over, result.written["contact.email"]) == (4, {"refused": 1}, 4)
    why, code, message = reason(rehearsal, "contact/u2/email")
    assert (why, code) == ("refused", "address_of_another_contact")
    assert "delete it in Intercom, then apply again with --retry-failed" in message
    assert "example.com" not in message

    with rehearsal.workspace.transaction() as tx:
        tx.execute("update contacts set email = null where external_id = 'older'")
    assert rehearsal.apply(retry_failed=True).written == {"contact.email": 1}
    assert contacts(rehearsal)["u2"]["email"] == "person2@example.com"


def test_somebody_who_turns_out_to_be_there_keeps_the_address_that_he_has(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    hold(rehearsal)
    rehearsal.workspace.seed(contacts=[{"role": "user", "external_id": "u3", "email": "own@example.com"}])
    result = rehearsal.apply()
    assert (result.exit_code, result.written["contact.email"], result.adopted["contact.email"]) == (0, 4, 1)
    assert contacts(rehearsal)["u3"]["email"] == "own@example.com"
    assert rehearsal.apply().written == {}


def test_a_contact_made_by_a_lost_call_gets_the_address_that_the_next_plan_sends_with_it(rehearse: Rehearse) -> None:
    lost = Fault("POST", "/contacts", nth=1, do="drop", when="after_commit")
    rehearsal = rehearse(tickets=range(1, 2), faults=(lost, Fault("POST", "/contacts", nth=2, do="status:401")))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u1")
    bare = {name: value for name, value in line.payload.items() if name != "email"}
    rehearsal.plan.change(line.slot, payload=bare, content="held")
    rehearsal.build()
    assert rehearsal.apply(workers=1).state == "stopped"
    assert contacts(rehearsal)["u1"]["email"] is None
    rehearsal.plan.change(line.slot, payload=line.payload, content="whole")
    rehearsal.build()
    assert rehearsal.apply().exit_code == 0
    assert contacts(rehearsal)["u1"]["email"] == "person1@example.com"
