"""Contacts and companies over time: tags, values that go away, and what somebody else made."""

import sqlite3
from typing import Any

import httpx
from little_plan import Line
from rehearsals import Rehearsal, Rehearse

TAG = "contact/u1/tag/urgent"


def contact(rehearsal: Rehearsal, email: str) -> dict[str, Any]:
    (found,) = (r for r in rehearsal.content() if r["object"] == "contact" and r["email"] == email)
    return found


def company(rehearsal: Rehearsal, company_id: str) -> dict[str, Any]:
    (found,) = (r for r in rehearsal.content() if r["object"] == "company" and r["company_id"] == company_id)
    return found


def tagging(slot: str, tag: str, position: int) -> Line:
    path, payload = "/contacts/{contact/u1}/tags", {"id": {"$ref": f"tag/{tag}"}}
    return Line(slot, 4, "contact/u1", position, "contact.tag", "POST", path, payload, None, "undo")


def outcome(rehearsal: Rehearsal, slot: str) -> str:
    with sqlite3.connect(rehearsal.ledger) as db:
        (row,) = db.execute("select outcome from settled where slot = ?", [slot])
    return str(row[0])


def test_a_tag_of_a_contact_is_set_and_taken_back(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    stays = tagging("contact/u1/tag/SLA: Gold", "SLA: Gold", 1)
    rehearsal.plan.lines += [stays, tagging(TAG, "urgent", 2)]
    rehearsal.build()
    assert rehearsal.apply().written["contact.tag"] == 2
    assert contact(rehearsal, "person1@example.com")["tags"] == ["SLA: Gold", "urgent"]

    rehearsal.plan.drop(TAG)
    rehearsal.build()
    assert rehearsal.apply().written == {"contact.tag (undo)": 1}
    assert contact(rehearsal, "person1@example.com")["tags"] == ["SLA: Gold"]

    rehearsal.plan.lines.append(tagging(TAG, "urgent", 2))
    rehearsal.build()
    assert rehearsal.apply().written == {"contact.tag": 1}
    assert contact(rehearsal, "person1@example.com")["tags"] == ["SLA: Gold", "urgent"]
    assert rehearsal.apply().written == {}


def test_a_value_that_went_away_is_emptied_where_it_was_sent(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u1")
    for login, shown in (("u1", {"login": "u1"}), (None, {}), ("u1", {"login": "u1"})):
        rehearsal.plan.change(line.slot, payload={**line.payload, "custom_attributes": {"login": login}})
        rehearsal.build()
        rehearsal.apply()
        assert contact(rehearsal, "person1@example.com")["custom_attributes"] == shown


def test_a_contact_made_here_follows_a_renamed_login(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    rehearsal.apply()
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u1")
    rehearsal.plan.change(line.slot, payload={**line.payload, "external_id": "renamed"})
    rehearsal.build()
    assert rehearsal.apply().written == {"contact.upsert": 1}
    assert contact(rehearsal, "person1@example.com")["external_id"] == "renamed"


def test_an_adopted_contact_keeps_what_is_not_ours(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2))
    known = {"role": "user", "external_id": "older", "email": "person1@example.com", "name": "Known", "phone": "+4930"}
    rehearsal.workspace.seed(contacts=[known])
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "contact/u1")
    rehearsal.plan.change(line.slot, on_conflict={"custom_attributes": {"login": "u1"}})
    rehearsal.build()
    rehearsal.apply()
    changed = {**line.payload, "name": "Other", "phone": "+1", "custom_attributes": {"login": "u1 again"}}
    rehearsal.plan.change(line.slot, payload=changed, on_conflict={"custom_attributes": {"login": "u1 again"}})
    rehearsal.build()
    assert rehearsal.apply().written == {"contact.upsert": 1}
    there = contact(rehearsal, "person1@example.com")
    assert {name: there[name] for name in known} == known
    assert there["custom_attributes"] == {"login": "u1 again"}
    assert outcome(rehearsal, "contact/u1") == "adopted"


def test_a_company_that_exists_keeps_its_name_and_gets_our_attributes(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), company_attributes_must_exist=False)
    post(rehearsal, "/companies", {"company_id": "c1", "name": "Known before", "website": "https://example.com"})
    for number in (1, 2):
        (line,) = (line for line in rehearsal.plan.lines if line.slot == f"company/c{number}")
        attributes = {"city": "Berlin", "street": None}
        rehearsal.plan.change(
            line.slot,
            payload={**line.payload, "custom_attributes": attributes},
            on_conflict={"custom_attributes": {"city": "Berlin"}},
        )
    rehearsal.build()
    result = rehearsal.apply()
    assert (result.exit_code, result.written) == (0, result.plan.writes)
    there = company(rehearsal, "c1")
    assert (there["name"], there["website"]) == ("Known before", "https://example.com")
    assert there["custom_attributes"] == company(rehearsal, "c2")["custom_attributes"] == {"city": "Berlin"}
    assert company(rehearsal, "c2")["name"] == "Company 2"
    assert (outcome(rehearsal, "company/c1"), outcome(rehearsal, "company/c2")) == ("adopted", "created")


def test_a_company_made_here_is_updated_in_place(rehearse: Rehearse) -> None:
    rehearsal = rehearse(tickets=range(1, 2), company_attributes_must_exist=False)
    (line,) = (line for line in rehearsal.plan.lines if line.slot == "company/c1")
    for name, city, shown in (("A", "Berlin", {"city": "Berlin"}), ("B", None, {}), ("A", "Bonn", {"city": "Bonn"})):
        payload = {**line.payload, "name": name, "custom_attributes": {"city": city}}
        rehearsal.plan.change(line.slot, payload=payload, on_conflict={"custom_attributes": {}})
        rehearsal.build()
        rehearsal.apply()
        there = company(rehearsal, "c1")
        assert (there["name"], there["custom_attributes"]) == (name, shown)
    assert outcome(rehearsal, "company/c1") == "created"
    assert rehearsal.workspace.counts()["companies"] == 2


def post(rehearsal: Rehearsal, path: str, payload: dict[str, Any]) -> None:
    headers = {"Authorization": "Bearer made-up", "Intercom-Version": "2.16"}
    httpx.post(rehearsal.base_url + path, json=payload, headers=headers).raise_for_status()
