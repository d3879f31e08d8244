"""Rules of conversations: order, dates, texts, files, states, parts."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from simulated import Clock, Simulated, file, parts


@pytest.fixture
def contact(sim: Simulated) -> str:
    return sim.contact()


@pytest.fixture
def conversation(sim: Simulated, contact: str) -> str:
    return sim.conversation(contact, created_at=1_300_000_000)


def read(sim: Simulated, conversation: str, query: str = "") -> dict[str, Any]:
    return sim.ok("GET", f"/conversations/{conversation}{query}")


def test_conversation_needs_a_contact_who_exists(sim: Simulated) -> None:
    for stranger in ("0" * 24, "123_doesnt_exist"):
        sent = {"from": {"type": "user", "id": stranger}, "body": "x"}
        assert sim.refused("POST", "/conversations", sent) == (404, "not_found", "User Not Found")


def test_admin_can_not_start_a_conversation(sim: Simulated) -> None:
    assert sim.refused("POST", "/conversations", {"from": {"type": "admin", "id": sim.admin}, "body": "x"})[0] == 400


def test_fresh_contact_may_be_unknown_for_a_while_when_the_workspace_lags(
    simulate: Callable[..., Simulated], clock: Clock
) -> None:
    sim = simulate(contact_lag=5)
    contact = sim.contact()

    assert sim.refused("POST", "/conversations", {"from": {"type": "user", "id": contact}, "body": "x"})[0] == 404
    clock.now += 5
    sim.conversation(contact)


def test_answer_to_a_new_conversation_is_a_message_with_the_conversations_id(sim: Simulated, contact: str) -> None:
    sent = {"from": {"type": "user", "id": contact}, "body": "It beeps.", "created_at": 1_300_000_000}
    message = sim.ok("POST", "/conversations", sent)

    assert (message["type"], message["body"], message["created_at"]) == (
        "user_message",
        "It beeps.",
        1_300_000_000,
    )
    assert message["id"] != message["conversation_id"]
    assert read(sim, message["conversation_id"])["id"] == message["conversation_id"]


def test_first_message_is_plain_text_in_a_paragraph(sim: Simulated, contact: str) -> None:
    text = "<b>1 < 2 & 3</b>\n\nline"
    conversation = sim.conversation(contact, text)

    assert read(sim, conversation)["source"]["body"] == "<p>&lt;b&gt;1 &lt; 2 &amp; 3&lt;/b&gt;<br><br>line</p>"
    assert read(sim, conversation, "?display_as=plaintext")["source"]["body"] == text


@pytest.mark.parametrize("field", ["attachment_files", "title", "custom_attributes", "tags"])
def test_first_message_takes_neither_files_nor_anything_that_belongs_elsewhere(
    sim: Simulated, contact: str, field: str
) -> None:
    sent = {"from": {"type": "user", "id": contact}, "body": "x", field: [file()]}

    assert sim.refused("POST", "/conversations", sent)[0] == 400


def test_first_message_takes_up_to_ten_image_urls(sim: Simulated, contact: str) -> None:
    image = "https://example.com/a.png"
    conversation = sim.conversation(contact, attachment_urls=[image] * 10)
    sent = {"from": {"type": "user", "id": contact}, "body": "x"}

    assert [found["url"] for found in read(sim, conversation)["source"]["attachments"]] == [image] * 10
    assert sim.refused("POST", "/conversations", {**sent, "attachment_urls": [image] * 11})[0] == 400
    assert sim.refused("POST", "/conversations", {**sent, "attachment_urls": ["https://example.com/a.pdf"]})[0] == 400


def test_dates_are_kept_to_the_second(sim: Simulated, contact: str, conversation: str) -> None:
    sim.reply(conversation, contact, created_at=1_300_000_601)
    sim.note(conversation, created_at=1_300_001_302)

    found = read(sim, conversation)
    assert found["created_at"] == 1_300_000_000
    assert [part["created_at"] for part in parts(found)] == [1_300_000_601, 1_300_001_302]
    assert found["updated_at"] == 1_800_000_000


@pytest.mark.parametrize("moment", ["2011-03-13T00:00:00Z", 1_300_000_000.5, True])
def test_date_that_is_no_whole_second_is_refused(sim: Simulated, contact: str, moment: object) -> None:
    sent = {"from": {"type": "user", "id": contact}, "body": "x", "created_at": moment}

    assert sim.refused("POST", "/conversations", sent)[0] == 400


def test_contacts_reply_is_text(sim: Simulated, contact: str, conversation: str) -> None:
    part = parts(sim.reply(conversation, contact, "a <b>c</b>\nd"))[0]

    assert (part["part_type"], part["body"]) == ("comment", "<p>a &lt;b&gt;c&lt;/b&gt;<br>d</p>")
    assert (part["author"]["type"], part["author"]["id"]) == ("user", contact)


def test_admins_html_passes_a_sanitiser_that_strips_div(sim: Simulated, conversation: str) -> None:
    part = parts(sim.note(conversation, '<div><p onclick="x()">Hi <script>1</script><b>you</b></p></div>'))[0]

    assert part["body"] == "<p>Hi <b>you</b></p>"


def test_note_of_the_description_comes_back_as_in_its_example(sim: Simulated, conversation: str) -> None:
    sent = (
        "<html> <body>  <h2>An Unordered HTML List</h2>"
        "  <ul>   <li>Coffee</li>   <li>Tea</li>   <li>Milk</li> </ul>    <h2>An Ordered HTML List</h2>"
        "  <ol>   <li>Coffee</li>   <li>Tea</li>   <li>Milk</li> </ol>   </body> </html>"
    )

    assert parts(sim.note(conversation, sent))[0]["body"] == (
        "<h2>An Unordered HTML List</h2>\n<ul>\n<li>Coffee</li>\n<li>Tea</li>\n<li>Milk</li>\n</ul>\n"
        "<h2>An Ordered HTML List</h2>\n<ol>\n<li>Coffee</li>\n<li>Tea</li>\n<li>Milk</li>\n</ol>"
    )


def test_admins_text_without_markup_gets_a_paragraph(sim: Simulated, conversation: str) -> None:
    assert parts(sim.note(conversation, "Goodbye :)"))[0]["body"] == "<p>Goodbye :)</p>"


def test_plaintext_display_turns_html_into_lines(sim: Simulated, conversation: str) -> None:
    sim.note(conversation, "<p>One<br>two &amp; a half</p><p>three</p>")

    assert parts(read(sim, conversation, "?display_as=plaintext"))[0]["body"] == "One\ntwo & a half\nthree"


def test_files_come_back_with_name_type_size_and_bytes(sim: Simulated, contact: str, conversation: str) -> None:
    content = bytes(range(256))
    sent = [file(content, "ä b.bin", "application/octet-stream"), file(b"", "empty.txt")]

    found = parts(sim.reply(conversation, contact, attachment_files=sent))[0]["attachments"]

    assert [(one["name"], one["content_type"], one["filesize"]) for one in found] == [
        ("ä b.bin", "application/octet-stream", 256),
        ("empty.txt", "text/plain", 0),
    ]
    assert [httpx.get(one["url"]).content for one in found] == [content, b""]


def test_reply_takes_ten_files_and_no_more(sim: Simulated, contact: str, conversation: str) -> None:
    sim.reply(conversation, contact, attachment_files=[file()] * 10)
    sent = {"message_type": "comment", "type": "user", "intercom_user_id": contact, "body": "x"}

    refused = sim.refused("POST", f"/conversations/{conversation}/reply", {**sent, "attachment_files": [file()] * 11})

    assert refused[:2] == (400, "parameter_invalid")
    assert len(parts(read(sim, conversation))) == 1
    assert sim.workspace.counts()["attachments"] == 10


def test_file_that_is_no_base64_or_too_large_is_refused(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(max_file_bytes=3)
    path = f"/conversations/{sim.conversation(contact := sim.contact())}/reply"
    sent = {"message_type": "comment", "type": "user", "intercom_user_id": contact, "body": "x"}
    broken = {"name": "a", "content_type": "text/plain", "data": "not base64!"}

    assert sim.refused("POST", path, {**sent, "attachment_files": [broken]})[0] == 400
    assert sim.refused("POST", path, {**sent, "attachment_files": [file(b"1234")]})[0] == 413
    sim.ok("POST", path, {**sent, "attachment_files": [file(b"123")]})


def test_unknown_conversation_attribute_is_refused_with_intercoms_words(sim: Simulated, conversation: str) -> None:
    assert sim.refused("PUT", f"/conversations/{conversation}", {"custom_attributes": {"x": "1"}}) == (
        400,
        "parameter_invalid",
        "Conversation attribute 'x' does not exist",
    )


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("Ticket number", 17),
        ("Pages", "17"),
        ("Pages", True),
        ("Pages", 1.5),
        ("Weight", "1.5"),
        ("Urgent", "yes"),
        ("Created", "yesterday"),
        ("Queue", "Unknown"),
        ("Queue", ["Raw"]),
    ],
)
def test_attribute_value_of_another_type_is_refused(
    sim: Simulated, conversation: str, name: str, wrong: object
) -> None:
    refused = sim.refused("PUT", f"/conversations/{conversation}", {"custom_attributes": {"Urgent": True, name: wrong}})

    assert refused[:2] == (400, "parameter_invalid")
    assert read(sim, conversation)["custom_attributes"] == {}


def test_each_attribute_that_is_set_adds_a_part_by_a_bot(sim: Simulated, conversation: str) -> None:
    values = {
        "Ticket number": "17",
        "Pages": 3,
        "Weight": 1.5,
        "Urgent": False,
        "Created": 1_300_000_000,
        "Queue": "Raw",
    }

    found = sim.ok("PUT", f"/conversations/{conversation}", {"title": "Printer", "custom_attributes": values})

    assert found["custom_attributes"] == values
    assert found["title"] == "Printer"
    assert {(part["part_type"], part["author"]["type"]) for part in parts(found)} == {
        ("conversation_attribute_updated_by_admin", "bot")
    }
    assert [part["event_details"]["attribute"]["name"] for part in parts(found)] == list(values)


def test_unchanged_attribute_adds_no_part_when_that_switch_is_off(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(unchanged_attribute_adds_part=False)
    conversation = sim.conversation(sim.contact())
    for _ in range(2):
        found = sim.ok("PUT", f"/conversations/{conversation}", {"custom_attributes": {"Pages": 3}})

    assert len(parts(found)) == 1


def test_company_of_a_conversation_must_exist(sim: Simulated, conversation: str) -> None:
    path = f"/conversations/{conversation}"
    company = sim.ok("POST", "/companies", {"company_id": "c1"})["id"]

    assert sim.refused("PUT", path, {"company_id": "c1"})[:2] == (404, "company_not_found")
    assert sim.ok("PUT", path, {"company_id": company})["company"]["company_id"] == "c1"


def test_admin_id_must_be_a_string_and_exist(sim: Simulated, conversation: str) -> None:
    note = {"message_type": "note", "type": "admin", "body": "x"}
    path = f"/conversations/{conversation}/reply"

    assert sim.refused("POST", path, {**note, "admin_id": int(sim.admin)})[0] == 400
    assert sim.refused("POST", path, {**note, "admin_id": "7"}) == (404, "admin_not_found", "Admin not found")
    assert sim.refused("POST", path, note)[:2] == (400, "parameter_missing")


def test_contacts_reply_reopens_a_closed_conversation_with_a_part_of_type_open(
    sim: Simulated, contact: str, conversation: str
) -> None:
    assert sim.close(conversation)["state"] == "closed"

    found = sim.reply(conversation, contact, "Still beeps.")

    assert (found["state"], found["open"]) == ("open", True)
    assert [(part["part_type"], part["body"]) for part in parts(found)] == [
        ("close", None),
        ("open", "<p>Still beeps.</p>"),
    ]


def test_contacts_reply_ends_a_snooze(sim: Simulated, contact: str, conversation: str) -> None:
    sent = {"message_type": "snoozed", "admin_id": sim.admin, "snoozed_until": 1_900_000_000}
    snoozed = sim.ok("POST", f"/conversations/{conversation}/parts", sent)
    assert (snoozed["state"], snoozed["open"], snoozed["snoozed_until"]) == ("snoozed", True, 1_900_000_000)

    found = sim.reply(conversation, contact)

    assert (found["state"], found["snoozed_until"], parts(found)[-1]["part_type"]) == ("open", None, "open")


def test_snooze_ends_by_itself(sim: Simulated, conversation: str, clock: Clock) -> None:
    sent = {"message_type": "snoozed", "admin_id": sim.admin, "snoozed_until": int(clock.now) + 60}
    sim.ok("POST", f"/conversations/{conversation}/parts", sent)
    clock.now += 60

    assert read(sim, conversation)["state"] == "open"


def test_admins_note_leaves_a_closed_conversation_closed(sim: Simulated, conversation: str) -> None:
    sim.close(conversation)

    assert sim.note(conversation)["state"] == "closed"


def test_assigning_a_closed_conversation_reopens_it(sim: Simulated, conversation: str) -> None:
    sim.close(conversation)

    found = sim.assign(conversation, "team", sim.team)

    assert (found["state"], parts(found)[-1]["part_type"]) == ("open", "assign_and_reopen")
    assert parts(found)[-1]["assigned_to"] == {"type": "team", "id": sim.team}


def test_assigning_leaves_it_closed_when_that_switch_is_off(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(assign_reopens=False)
    conversation = sim.conversation(sim.contact())
    sim.close(conversation)

    found = sim.assign(conversation, "team", sim.team)

    assert (found["state"], parts(found)[-1]["part_type"]) == ("closed", "assignment")


@pytest.mark.parametrize(("switch", "state"), [(True, "open"), (False, "closed")])
def test_whether_update_tag_and_comment_reopen_is_a_switch(
    simulate: Callable[..., Simulated], switch: bool, state: str
) -> None:
    sim = simulate(update_reopens=switch, tag_reopens=switch, admin_comment_reopens=switch)
    conversation = sim.conversation(sim.contact())
    path = f"/conversations/{conversation}"
    comment = {"message_type": "comment", "type": "admin", "admin_id": sim.admin, "body": "x"}
    tag = sim.ok("POST", "/tags", {"name": "Gold"})["id"]
    for method, address, body in (
        ("PUT", path, {"title": "x"}),
        ("POST", f"{path}/tags", {"id": tag, "admin_id": sim.admin}),
        ("POST", f"{path}/reply", comment),
    ):
        sim.close(conversation)
        sim.ok(method, address, body)
        assert read(sim, conversation)["state"] == state


def test_conversation_holds_a_teammate_and_a_team_and_zero_unassigns(sim: Simulated, conversation: str) -> None:
    sim.assign(conversation, "team", sim.team)
    found = sim.assign(conversation, "admin", sim.other_admin)
    assert (found["team_assignee_id"], found["admin_assignee_id"]) == (int(sim.team), int(sim.other_admin))

    assert sim.assign(conversation, "admin", "0")["admin_assignee_id"] == 0
    sent = {"message_type": "assignment", "type": "team", "admin_id": sim.admin, "assignee_id": "7"}
    assert sim.refused("POST", f"/conversations/{conversation}/parts", sent)[:2] == (404, "team_not_found")


def test_tag_is_applied_and_removed_on_behalf_of_an_admin(sim: Simulated, conversation: str) -> None:
    tag = sim.ok("POST", "/tags", {"name": "Gold"})["id"]
    path = f"/conversations/{conversation}/tags"

    assert sim.ok("POST", path, {"id": tag, "admin_id": sim.admin})["applied_by"]["id"] == sim.admin
    assert [found["name"] for found in read(sim, conversation)["tags"]["tags"]] == ["Gold"]
    assert sim.refused("POST", path, {"id": tag})[:2] == (400, "parameter_missing")
    assert sim.client.request("DELETE", f"{path}/{tag}", json={"admin_id": sim.admin}).json()["id"] == tag
    assert sim.refused("DELETE", f"{path}/{tag}", {"admin_id": sim.admin})[:2] == (404, "tag_not_found")


def test_other_customer_must_be_a_participant_before_replying(sim: Simulated, conversation: str) -> None:
    other = sim.contact(external_id="other")
    sent = {"message_type": "comment", "type": "user", "intercom_user_id": other, "body": "x"}
    path = f"/conversations/{conversation}"

    assert sim.refused("POST", f"{path}/reply", sent)[0] == 400
    participant = {"admin_id": sim.admin, "customer": {"intercom_user_id": other}}
    assert len(sim.ok("POST", f"{path}/customers", participant)["contacts"]["contacts"]) == 2
    sim.ok("POST", f"{path}/reply", sent)


def test_last_participant_must_stay(sim: Simulated, contact: str, conversation: str) -> None:
    other = sim.contact(external_id="other")
    path = f"/conversations/{conversation}/customers"
    sim.ok("POST", path, {"admin_id": sim.admin, "customer": {"user_id": "other"}})

    sim.ok("DELETE", f"{path}/{other}", {"admin_id": sim.admin})
    assert sim.refused("DELETE", f"{path}/{contact}", {"admin_id": sim.admin})[0] == 422


def test_unknown_email_as_participant_makes_a_lead(sim: Simulated, conversation: str) -> None:
    sim.ok(
        "POST",
        f"/conversations/{conversation}/customers",
        {"admin_id": sim.admin, "customer": {"email": "new@example.com"}},
    )

    found = sim.ok("POST", "/contacts/search", {"query": {"field": "role", "operator": "=", "value": "lead"}})
    assert [lead["email"] for lead in found["data"]] == ["new@example.com"]


def test_contact_is_named_in_exactly_one_way(sim: Simulated, contact: str, conversation: str) -> None:
    sent = {"message_type": "comment", "type": "user", "body": "x"}
    path = f"/conversations/{conversation}/reply"

    assert sim.refused("POST", path, sent)[0] == 400
    assert sim.refused("POST", path, {**sent, "intercom_user_id": contact, "user_id": "jo"})[0] == 400
    sim.ok("POST", path, {**sent, "user_id": "jo"})
    sim.ok("POST", path, {**sent, "email": "jo@example.com"})


def test_only_the_500_newest_parts_are_read_but_all_are_counted(sim: Simulated, conversation: str) -> None:
    for number in range(503):
        sim.note(conversation, f"<p>{number}</p>")

    found = read(sim, conversation)

    assert [part["body"] for part in parts(found)] == [f"<p>{number}</p>" for number in range(3, 503)]
    assert found["statistics"]["count_conversation_parts"] == 503


def test_parts_come_in_the_order_of_posting_or_of_their_dates(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(parts_by_date=True)
    conversation = sim.conversation(sim.contact())
    sim.note(conversation, "second", created_at=1_300_000_200)
    sim.note(conversation, "first", created_at=1_300_000_100)

    assert [part["body"] for part in parts(read(sim, conversation))] == ["<p>first</p>", "<p>second</p>"]


def test_lists_have_no_parts_and_go_up_to_150_on_a_page(sim: Simulated, contact: str) -> None:
    made = [sim.conversation(contact) for _ in range(3)]

    page = sim.ok("GET", "/conversations?per_page=2")
    cursor = page["pages"]["next"]["starting_after"]
    rest = sim.ok("GET", f"/conversations?per_page=2&starting_after={cursor}")

    assert [found["id"] for found in page["conversations"] + rest["conversations"]] == made
    assert "conversation_parts" not in page["conversations"][0]
    assert "next" not in rest["pages"]
    assert sim.refused("GET", "/conversations?per_page=151")[0] == 400


def test_lost_conversation_is_found_by_contact_and_second(sim: Simulated, contact: str, conversation: str) -> None:
    sim.conversation(contact, created_at=1_300_000_001)
    sim.conversation(sim.contact(external_id="other"), created_at=1_300_000_000)
    query = {
        "operator": "AND",
        "value": [
            {"field": "contact_ids", "operator": "=", "value": contact},
            {"field": "created_at", "operator": ">", "value": 1_299_999_999},
            {"field": "created_at", "operator": "<", "value": 1_300_000_001},
        ],
    }

    found = sim.ok("POST", "/conversations/search", {"query": query})["conversations"]

    assert [(one["id"], one["source"]["body"]) for one in found] == [(conversation, "<p>It beeps.</p>")]


def test_conversations_are_not_searched_by_custom_attribute(sim: Simulated, simulate: Callable[..., Simulated]) -> None:
    query = {"query": {"field": "custom_attribute.Ticket number", "operator": "=", "value": "17"}}
    assert sim.refused("POST", "/conversations/search", query)[1] == "invalid_field"

    other = simulate(search_custom_attributes=True)
    conversation = other.conversation(other.contact())
    other.ok("PUT", f"/conversations/{conversation}", {"custom_attributes": {"Ticket number": "17"}})
    assert other.ok("POST", "/conversations/search", query)["total_count"] == 1


def test_search_sees_a_new_conversation_only_after_the_lag(simulate: Callable[..., Simulated], clock: Clock) -> None:
    sim = simulate(search_lag=30)
    contact = sim.contact()
    sim.conversation(contact)
    query = {"query": {"field": "contact_ids", "operator": "=", "value": contact}}

    assert sim.ok("POST", "/conversations/search", query)["total_count"] == 0
    clock.now += 30
    assert sim.ok("POST", "/conversations/search", query)["total_count"] == 1


def test_deleted_conversation_is_gone_and_listed_as_deleted(sim: Simulated, conversation: str) -> None:
    assert sim.ok("DELETE", f"/conversations/{conversation}?retain_metrics=false")["deleted"] is True

    assert sim.refused("GET", f"/conversations/{conversation}")[:2] == (404, "not_found")
    deleted = sim.ok("GET", "/conversations/deleted")["conversations"]
    assert [(one["id"], one["metrics_retained"]) for one in deleted] == [(conversation, False)]


def test_intercoms_own_attributes_are_mixed_in_when_the_workspace_has_some(
    simulate: Callable[..., Simulated],
) -> None:
    sim = simulate(system_attributes={"Language": "German"})
    conversation = sim.conversation(sim.contact())

    assert read(sim, conversation)["custom_attributes"] == {"Language": "German"}
