"""The rules of what is due, one by one, on `decide`; no file is involved."""

from collections.abc import Sequence
from typing import Any

import pytest
from rehearsals import Rehearse

from load.ledger import DeadLetter, Ledger, Receipt, Settled
from load.plan import LanePlan, decide, make_plan
from load.warehouse import BATCH_LANES, Row

LANE = "conversation/t1"


def row(slot: str, kind: str, position: int = 0, content: str = "c", payload: str = "p", **more: Any) -> Row:
    return Row(slot, content, payload, 5, LANE, position, kind, "POST", "/x", None, "report", more.get("message_type"))


def there(slot: str, kind: str, number: int, content: str = "c", **more: Any) -> Settled:
    values = {"on_absent": "report", "undo": None, "lane": LANE, "payload_hash": "p", **more}
    return Settled(
        slot=slot,
        phase=5,
        kind=kind,
        content_hash=content,
        creates=None,
        intercom_id="1",
        outcome="set",
        run_id="r",
        intent_id=number,
        received_at=0.0,
        receipt_id=number,
        **values,
    )


def decided(rows: list[Row], *receipts: Settled, **more: Any) -> LanePlan:
    return decide(rows, {receipt.slot: receipt for receipt in receipts}, **more)


def slots(plan: LanePlan) -> list[tuple[str, ...]]:
    return [step.slots for step in plan.steps]


def letter(slot: str, reason: str, payload: str = "p", cause: str | None = None) -> DeadLetter:
    return DeadLetter(slot, LANE, 5, "k", payload, None, reason, 400, "", "", None, cause, "r", 0.0)


def test_what_is_so_is_not_due() -> None:
    assert decided([row("a", "conversation.reply")], there("a", "conversation.reply", 1)).steps == ()


def test_neighbouring_attributes_travel_together_and_others_do_not() -> None:
    rows = [
        row("title", "conversation.attribute"),
        row("x", "conversation.attribute", 1),
        row("tag", "conversation.tag", 2),
        row("y", "conversation.attribute", 3),
    ]
    assert slots(decided(rows)) == [("title", "x"), ("tag",), ("y",)]
    settled = there("tag", "conversation.tag", 1)
    assert slots(decided(rows, settled)) == [("title", "x", "y")]


def test_what_can_only_be_appended_is_reported_when_it_changed() -> None:
    plan = decided([row("a", "conversation.reply", content="new")], there("a", "conversation.reply", 1))
    assert (plan.steps, plan.changed) == ((), ("a",))


def test_another_payload_for_the_same_content_is_counted_and_not_sent() -> None:
    plan = decided([row("a", "conversation.reply", payload="new")], there("a", "conversation.reply", 1))
    assert (plan.steps, plan.repainted) == ((), 1)


def test_a_state_that_is_not_open_is_due_again_after_a_part_a_tag_or_an_assignment() -> None:
    state = row("state", "conversation.state", 9, message_type="close")
    for kind in ("conversation.reply", "conversation.tag", "conversation.assignment"):
        closed = there("state", "conversation.state", 5)
        assert slots(decided([row("a", kind), state], closed)) == [("a",), ("state",)]
        assert slots(decided([row("a", kind), state], closed, there("a", kind, 6))) == [("state",)]
        assert slots(decided([row("a", kind), state], closed, there("a", kind, 4))) == []
    assert slots(decided([row("t", "conversation.attribute"), state], there("state", "conversation.state", 5))) == [
        ("t",)
    ]


def test_an_open_state_is_implied_only_when_nothing_is_known() -> None:
    opened = row("state", "conversation.state", message_type="open")
    assert [step.action for step in decided([opened]).steps] == ["imply"]
    assert [step.action for step in decided([opened], there("state", "conversation.state", 1, "closed")).steps] == [
        "send"
    ]
    assert decided([row("a", "conversation.reply"), opened], there("state", "conversation.state", 1)).steps[1:] == ()


def test_vanished_slots_follow_what_the_plan_said_of_them() -> None:
    gone = [
        there("tag", "conversation.tag", 1, on_absent="undo", undo="{}"),
        there("part", "conversation.reply", 2, on_absent="report"),
        there("team", "conversation.assignment", 3, on_absent="keep"),
    ]
    plan = decided([row("other", "conversation.attribute")], *gone)
    assert [(step.action, step.slots) for step in plan.steps] == [("undo", ("tag",)), ("send", ("other",))]
    assert plan.vanished == ("part",)


def test_a_conversation_that_is_not_planned_any_more_is_not_taken_apart() -> None:
    plan = decided([], there("tag", "conversation.tag", 1, on_absent="undo", undo="{}"))
    assert (plan.steps, plan.vanished) == ((), ("tag",))


def test_a_membership_that_is_not_planned_any_more_is_taken_back() -> None:
    gone = there("m", "contact.company", 1, on_absent="undo", undo="{}", lane="m")
    assert [step.action for step in decided([], gone).steps] == ["undo"]


def test_the_last_membership_of_a_contact_who_stays_is_taken_back() -> None:
    gone = there("m", "contact.company", 1, on_absent="undo", undo="{}")
    assert [step.action for step in decided([], gone, stays=True).steps] == ["undo"]


def test_a_slot_that_moved_to_another_lane_has_not_vanished() -> None:
    assert decided([], there("a", "conversation.reply", 1), elsewhere=["a"]) == LanePlan()


def test_a_refused_slot_holds_its_lane_until_its_payload_changes() -> None:
    rows = [row("a", "conversation.reply"), row("b", "conversation.reply", 1), row("c", "conversation.tag", 2)]
    dead = {"b": letter("b", "refused"), "c": letter("c", "depends", cause="b")}
    plan = decided(rows, dead=dead)
    assert (slots(plan), plan.held) == ([("a",)], ("b", "c"))
    rows[1] = row("b", "conversation.reply", 1, payload="mended")
    plan = decided(rows, dead=dead)
    assert (slots(plan), plan.held, plan.released) == ([("a",), ("b",), ("c",)], (), ("b", "c"))


def test_a_call_that_was_never_answered_is_tried_again() -> None:
    dead = {"a": letter("a", "unanswered"), "b": letter("b", "depends", cause="a")}
    rows = [row("a", "conversation.reply"), row("b", "conversation.reply", 1)]
    assert slots(decided(rows, dead=dead)) == [("a",), ("b",)]


def test_what_may_have_been_set_by_a_lost_call_is_set_again() -> None:
    rows = [row("a", "conversation.attribute")]
    settled = there("a", "conversation.attribute", 1)
    assert decided(rows, settled).steps == ()
    assert slots(decided(rows, settled, uncertain=["a"])) == [("a",)]


def test_what_names_a_conversation_that_was_made_anew_is_set_again_but_never_appended_again() -> None:
    rows = [row("a", "conversation.reply"), row("b", "conversation.attribute", 1)]
    receipts = there("a", "conversation.reply", 1), there("b", "conversation.attribute", 2)
    assert slots(decided(rows, *receipts)) == []
    assert slots(decided(rows, *receipts, outdated={"a", "b"})) == [("b",)]


def test_lanes_that_have_vanished_are_decided_a_page_at_a_time(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    pages: list[int] = []
    settled = Ledger.settled

    def page(self: Ledger, phase: int, lanes: Sequence[str], slots: Sequence[str] = ()) -> dict[str, Settled]:
        pages.append(len(lanes))
        return settled(self, phase, lanes, slots)

    monkeypatch.setattr(Ledger, "settled", page)
    gone = [f"conversation/g{number:03}" for number in range(2 * BATCH_LANES + 50)]
    with Ledger(rehearsal.ledger) as ledger:
        kind = "conversation.create"
        receipts = [Receipt(lane, lane, 5, kind, "c", "p", lane, "report", "1", "created") for lane in gone]
        ledger.note(ledger.start_run("hash"), receipts=receipts)
        assert make_plan(rehearsal.warehouse, ledger).vanished.count == len(gone)
    assert max(pages) == BATCH_LANES
