"""Rules of contacts, companies, tags and attribute definitions."""

from collections.abc import Callable

import pytest
from simulated import Clock, Simulated

JO = {"role": "user", "external_id": "jo", "email": "jo@example.com"}


def test_second_contact_with_the_same_external_id_conflicts_and_the_message_names_the_first(
    sim: Simulated,
) -> None:
    first = sim.contact(**JO)

    assert sim.refused("POST", "/contacts", {"external_id": "jo"}) == (
        409,
        "conflict",
        f"A contact matching those details already exists with id={first}",
    )
    assert len(first) == 24
    assert int(first, 16)


def test_email_of_users_is_unique_whatever_its_case(sim: Simulated) -> None:
    first = sim.contact(**JO)

    status, _, message = sim.refused("POST", "/contacts", {"external_id": "other", "email": "JO@Example.com"})

    assert (status, message.rpartition("=")[2]) == (409, first)


def test_leads_may_share_an_email(sim: Simulated) -> None:
    sim.contact(**JO)

    sim.contact(role="lead", email="jo@example.com")
    sim.contact(role="lead", email="jo@example.com")


def test_conflict_with_an_archived_contact_says_so(sim: Simulated) -> None:
    first = sim.contact(**JO)
    sim.ok("POST", f"/contacts/{first}/archive")

    assert sim.refused("POST", "/contacts", JO) == (
        409,
        "conflict",
        f"An archived contact matching those details already exists with id={first}",
    )


def test_update_to_another_contacts_email_conflicts(sim: Simulated) -> None:
    first = sim.contact(**JO)
    second = sim.contact(external_id="second")

    assert sim.refused("PUT", f"/contacts/{second}", {"email": "jo@example.com"})[2].endswith(first)
    assert sim.ok("PUT", f"/contacts/{first}", {"email": "JO@example.com"})["email"] == "JO@example.com"


def test_update_leaves_what_it_does_not_name(sim: Simulated) -> None:
    contact = sim.contact(**JO, name="Jo", signed_up_at=1_290_000_000, custom_attributes={"login": "jo"})

    updated = sim.ok("PUT", f"/contacts/{contact}", {"phone": "+4930123456"})

    assert (updated["name"], updated["signed_up_at"]) == ("Jo", 1_290_000_000)
    assert updated["custom_attributes"] == {"login": "jo"}


def test_contact_needs_email_external_id_or_role(sim: Simulated) -> None:
    assert sim.refused("POST", "/contacts", {"name": "Jo"})[:2] == (400, "parameter_missing")


def test_unknown_custom_attribute_of_a_contact_is_refused(sim: Simulated) -> None:
    refused = sim.refused("POST", "/contacts", {**JO, "custom_attributes": {"nope": "x"}})

    assert refused == (400, "parameter_invalid", "Custom attribute 'nope' does not exist")
    assert sim.workspace.counts()["contacts"] == 0


def test_custom_attribute_of_a_wrong_type_is_refused(sim: Simulated) -> None:
    assert sim.refused("POST", "/contacts", {**JO, "custom_attributes": {"login": 7}})[:2] == (
        400,
        "parameter_invalid",
    )


def test_time_that_is_not_in_seconds_is_refused(sim: Simulated) -> None:
    assert sim.refused("POST", "/contacts", {**JO, "signed_up_at": "2011-01-01T00:00:00Z"})[0] == 400


def test_contact_is_found_by_external_id_even_with_a_slash_but_a_lead_is_not(sim: Simulated) -> None:
    contact = sim.contact(external_id="a/b c")
    sim.contact(role="lead", external_id="lead")

    assert sim.ok("GET", "/contacts/find_by_external_id/a%2Fb%20c")["id"] == contact
    assert sim.refused("GET", "/contacts/find_by_external_id/lead")[0] == 404


def test_deleted_contact_is_gone_and_its_email_free(sim: Simulated) -> None:
    contact = sim.contact(**JO)

    assert sim.ok("DELETE", f"/contacts/{contact}")["deleted"] is True
    assert sim.refused("GET", f"/contacts/{contact}")[0] == 404
    assert sim.contact(**JO) != contact


def test_contacts_are_listed_page_by_page(sim: Simulated) -> None:
    made = [sim.contact(external_id=str(number)) for number in range(5)]
    seen, query = [], "/contacts?per_page=2"
    while query:
        page = sim.ok("GET", query)
        assert page["total_count"] == 5
        seen += [contact["id"] for contact in page["data"]]
        following = page["pages"].get("next")
        query = f"/contacts?per_page=2&starting_after={following['starting_after']}" if following else ""

    assert seen == made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"field": "external_id", "operator": "=", "value": "jo"}, ["jo"]),
        ({"field": "email", "operator": "=", "value": "JO@example.com"}, ["jo"]),
        ({"field": "external_id", "operator": "IN", "value": ["jo", "al", "no"]}, ["al", "jo"]),
        ({"field": "external_id", "operator": "!=", "value": "jo"}, ["al"]),
        ({"field": "custom_attributes.login", "operator": "=", "value": "al1"}, ["al"]),
        ({"field": "email", "operator": "~", "value": "EXAMPLE"}, ["al", "jo"]),
        (
            {
                "operator": "AND",
                "value": [
                    {"field": "role", "operator": "=", "value": "user"},
                    {
                        "operator": "OR",
                        "value": [
                            {"field": "external_id", "operator": "=", "value": "al"},
                            {"field": "name", "operator": "=", "value": "nobody"},
                        ],
                    },
                ],
            },
            ["al"],
        ),
    ],
)
def test_search_finds_contacts(sim: Simulated, query: object, found: list[str]) -> None:
    sim.contact(**JO)
    sim.contact(external_id="al", email="al@example.com", custom_attributes={"login": "al1"})

    page = sim.ok("POST", "/contacts/search", {"query": query})

    assert sorted(contact["external_id"] for contact in page["data"]) == found


def test_search_compares_times_by_day_of_the_workspaces_timezone(simulate: Callable[..., Simulated]) -> None:
    sim = simulate(timezone="Europe/Berlin")
    evening = 1_300_050_000  # 2011-03-13 22:00 in Berlin
    sim.contact(external_id="a", signed_up_at=evening)

    def found(operator: str, value: int) -> int:
        query = {"field": "signed_up_at", "operator": operator, "value": value}
        return sim.ok("POST", "/contacts/search", {"query": query})["total_count"]

    assert found("=", evening - 20 * 3600) == 1
    assert found(">", evening - 20 * 3600) == 0
    assert found(">", evening - 23 * 3600) == 1
    assert found("<", evening + 3 * 3600) == 1


@pytest.mark.parametrize(
    "query",
    [
        None,
        {"field": "shoe_size", "operator": "=", "value": 1},
        {"field": "email", "operator": "LIKE", "value": "x"},
        {"operator": "AND", "value": [{"field": "role", "operator": "=", "value": "user"}] * 16},
        {"field": "created_at", "operator": "IN", "value": [1]},
    ],
)
def test_query_that_is_not_documented_is_refused(sim: Simulated, query: object) -> None:
    assert sim.refused("POST", "/contacts/search", {"query": query})[0] == 400


def test_search_sees_a_new_contact_only_after_the_lag(simulate: Callable[..., Simulated], clock: Clock) -> None:
    sim = simulate(search_lag=60)
    sim.contact(**JO)
    query = {"query": {"field": "external_id", "operator": "=", "value": "jo"}}

    assert sim.ok("POST", "/contacts/search", query)["total_count"] == 0
    assert sim.ok("GET", "/contacts/find_by_external_id/jo")["external_id"] == "jo"
    clock.now += 60
    assert sim.ok("POST", "/contacts/search", query)["total_count"] == 1


def test_company_is_created_or_updated_by_company_id(sim: Simulated) -> None:
    first = sim.ok("POST", "/companies", {"company_id": "c1", "name": "ACME", "remote_created_at": 1_280_000_000})
    second = sim.ok("POST", "/companies", {"company_id": "c1", "name": "ACME Ltd"})

    assert (second["id"], second["name"], second["remote_created_at"]) == (
        first["id"],
        "ACME Ltd",
        1_280_000_000,
    )
    assert sim.workspace.counts()["companies"] == 1


def test_company_id_is_found_by_query_as_a_list(sim: Simulated) -> None:
    company = sim.ok("POST", "/companies", {"company_id": "c1"})

    assert [found["id"] for found in sim.ok("GET", "/companies?company_id=c1")["data"]] == [company["id"]]
    assert sim.refused("GET", "/companies?company_id=c2")[:2] == (404, "company_not_found")


def test_company_without_users_is_not_listed(sim: Simulated) -> None:
    company = sim.ok("POST", "/companies", {"company_id": "c1"})["id"]

    assert sim.ok("POST", "/companies/list")["data"] == []
    sim.ok("POST", f"/contacts/{sim.contact(**JO)}/companies", {"id": company})
    assert [found["user_count"] for found in sim.ok("POST", "/companies/list")["data"]] == [1]
    assert len(sim.ok("GET", "/companies/scroll")["data"]) == 1


def test_one_scroll_at_a_time_until_it_expires_after_a_minute(sim: Simulated, clock: Clock) -> None:
    company = sim.ok("POST", "/companies", {"company_id": "c1"})["id"]
    sim.ok("POST", f"/contacts/{sim.contact(**JO)}/companies", {"id": company})
    scroll = sim.ok("GET", "/companies/scroll")["scroll_param"]

    assert sim.refused("GET", "/companies/scroll")[1] == "scroll_exists"
    assert sim.ok("GET", f"/companies/scroll?scroll_param={scroll}")["data"] == []
    sim.ok("GET", "/companies/scroll")
    clock.now += 61
    sim.ok("GET", "/companies/scroll")


def test_membership_takes_the_intercom_id_of_the_company(sim: Simulated) -> None:
    contact, company = sim.contact(**JO), sim.ok("POST", "/companies", {"company_id": "c1"})["id"]
    path = f"/contacts/{contact}/companies"

    assert sim.refused("POST", path, {"id": "c1"})[:2] == (404, "company_not_found")
    assert sim.refused("POST", path, {"company_id": "c1"})[:2] == (400, "parameter_not_found")
    sim.ok("POST", path, {"id": company})
    assert sim.ok("GET", path)["total_count"] == 1
    sim.ok("DELETE", f"{path}/{company}")
    assert sim.ok("GET", path)["total_count"] == 0


def test_unknown_parameter_or_attribute_of_a_company_is_refused(sim: Simulated) -> None:
    assert sim.refused("POST", "/companies", {"test": "x"}) == (400, "bad_request", "bad 'test' parameter")
    assert sim.refused("POST", "/companies", {"custom_attributes": {"nope": 1}})[0] == 400
    assert sim.ok("POST", "/companies", {"custom_attributes": {"customer number": "7"}})["custom_attributes"]


def test_unknown_attributes_of_companies_are_taken_when_that_switch_is_set(
    simulate: Callable[..., Simulated],
) -> None:
    sim = simulate(company_attributes_must_exist=False)

    assert sim.ok("POST", "/companies", {"custom_attributes": {"nope": 1}})["custom_attributes"] == {"nope": 1}


def test_tag_is_created_or_returned_whatever_its_case(sim: Simulated) -> None:
    assert sim.ok("POST", "/tags", {"name": "Gold"}) == sim.ok("POST", "/tags", {"name": "gold"})
    assert len(sim.ok("GET", "/tags")["data"]) == 1


def test_deleted_tag_is_off_everything(sim: Simulated) -> None:
    tag, contact = sim.ok("POST", "/tags", {"name": "Gold"})["id"], sim.contact(**JO)
    sim.ok("POST", f"/contacts/{contact}/tags", {"id": tag})
    sim.ok("DELETE", f"/tags/{tag}")

    assert sim.ok("GET", f"/contacts/{contact}/tags")["data"] == []


def test_conversations_attributes_are_not_defined_among_data_attributes(sim: Simulated) -> None:
    definition = {"name": "x", "model": "conversation", "data_type": "string"}

    assert sim.refused("POST", "/data_attributes", definition)[0] == 422
    assert sim.refused("GET", "/data_attributes?model=conversation")[0] == 422


def test_name_of_a_data_attribute_is_unique_across_people_and_companies(sim: Simulated) -> None:
    definition = {"name": "login", "model": "company", "data_type": "string"}

    status, code, message = sim.refused("POST", "/data_attributes", definition)

    assert (status, code) == (400, "parameter_invalid")
    assert message.startswith("You already have 'login' in your people data.")


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "!nv@l!d n@me", "model": "contact", "data_type": "string"},
        {"name": "x", "model": "contact", "data_type": "timestamp"},
        {"name": "x", "model": "contact", "data_type": "options", "options": [{"value": "1"}]},
    ],
)
def test_malformed_data_attribute_is_refused(sim: Simulated, definition: object) -> None:
    assert sim.refused("POST", "/data_attributes", definition)[:2] == (400, "parameter_invalid")


def test_datetime_attribute_is_read_back_as_date(sim: Simulated) -> None:
    definition = {"name": "since", "model": "contact", "data_type": "datetime"}

    assert sim.ok("POST", "/data_attributes", definition)["data_type"] == "date"


def test_conversation_attribute_of_an_unknown_type_or_taken_name_is_refused(sim: Simulated) -> None:
    path = "/conversations/attributes"

    status, code, message = sim.refused("POST", path, {"name": "x", "data_type": "date"})

    assert (status, code) == (422, "parameter_invalid")
    assert message.startswith("data_type 'date' is not valid. Allowed types: string, integer, list, decimal,")
    assert sim.refused("POST", path, {"name": "Pages", "data_type": "integer"})[0] == 422
    assert sim.refused("POST", path, {"name": "x", "data_type": "list", "options": [{"label": "one"}]})[0] == 422


def test_options_of_a_list_attribute_can_be_added_and_two_must_remain(sim: Simulated) -> None:
    queue = next(a for a in sim.ok("GET", "/conversations/attributes")["data"] if a["name"] == "Queue")
    path = f"/conversations/attributes/{queue['id']}/options"

    options = sim.ok("POST", path, {"label": "Misc"})["options"]
    assert [option["label"] for option in options] == ["Raw", "Junk", "Misc"]
    sim.ok("DELETE", f"{path}/{options[0]['id']}")
    assert sim.refused("DELETE", f"{path}/{options[1]['id']}")[0] == 422
    assert sim.refused("POST", path, {"value": "x"}) == (422, "parameter_invalid", "only 'label' is accepted")


def test_deleted_conversation_attribute_is_archived_and_can_not_be_set(sim: Simulated) -> None:
    made = sim.ok("POST", "/conversations/attributes", {"name": "gone", "data_type": "string"})
    conversation = sim.conversation(sim.contact(**JO))

    assert sim.ok("DELETE", f"/conversations/attributes/{made['id']}")["archived"] is True
    assert sim.refused("PUT", f"/conversations/{conversation}", {"custom_attributes": {"gone": "x"}})[0] == 400


def test_seeding_twice_keeps_the_ids(sim: Simulated) -> None:
    before = sim.workspace.counts()

    again = sim.workspace.seed(
        admins=[{"name": "Ada", "email": "ADA@example.com"}],
        teams=[{"name": "Support"}],
        contacts=[{"external_id": "jo"}],
        attributes=[{"name": "Pages", "data_type": "integer"}],
    )
    contacts = sim.workspace.seed(contacts=[{"external_id": "jo"}])["contacts"]

    assert again["admins"] == {"ADA@example.com": sim.admin}
    assert again["teams"] == {"Support": sim.team}
    assert again["contacts"] == contacts
    assert sim.workspace.counts() == {**before, "contacts": 1}
