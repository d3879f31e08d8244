"""The official Python client drives the simulator, so that not only its own authors find it right."""

from typing import Any

import pytest
from intercom import Intercom
from intercom.conversations.types import CreateConversationRequestFrom
from intercom.core.api_error import ApiError
from intercom.errors import NotFoundError
from intercom.types.admin_reply_conversation_request import AdminReplyConversationRequest
from simulated import Simulated

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def official(sim: Simulated) -> Intercom:
    return Intercom(token="made-up", base_url=sim.base_url, headers={"Intercom-Version": "2.16"})


@pytest.fixture
def contact(official: Intercom) -> str:
    made = official.contacts.create(request={"role": "user", "external_id": "jo", "email": "jo@example.com"})
    assert made.id is not None
    return made.id


@pytest.fixture
def conversation(official: Intercom, contact: str) -> str:
    sender = CreateConversationRequestFrom(type="user", id=contact)
    message = official.conversations.create(from_=sender, body="It beeps.", created_at=1_300_000_000)
    assert message.conversation_id is not None
    return message.conversation_id


def test_it_identifies_the_workspace_and_lists_teammates_and_teams(official: Intercom, sim: Simulated) -> None:
    me: Any = official.admins.identify()

    assert me.app.id_code == "simulated"
    assert sim.admin in {admin.id for admin in official.admins.list().admins or [] if admin}
    assert [team.name for team in official.teams.list().teams or []] == ["Support"]


def test_it_meets_the_conflict_as_a_bare_error_with_the_id_in_the_message(official: Intercom, contact: str) -> None:
    with pytest.raises(ApiError) as met:
        official.contacts.create(request={"external_id": "jo"})

    assert met.value.status_code == 409
    assert met.value.body["errors"][0]["message"].endswith(f"id={contact}")


def test_it_finds_and_lists_contacts(official: Intercom, contact: str) -> None:
    assert official.contacts.show_contact_by_external_id("jo").id == contact
    assert [found.id for found in official.contacts.list()] == [contact]


def test_it_makes_tags_and_companies_and_attaches_them(official: Intercom, contact: str) -> None:
    tag: Any = official.tags.create(request={"name": "Gold"})
    company: Any = official.companies.create_or_update(request={"company_id": "c1", "name": "ACME"})

    assert official.tags.tag_contact(contact, tag_id=tag.id).name == "Gold"
    assert official.companies.attach_contact(contact, company_id=company.id).company_id == "c1"


def test_it_replies_updates_tags_closes_and_reads_back(
    official: Intercom, sim: Simulated, contact: str, conversation: str
) -> None:
    tag: Any = official.tags.create(request={"name": "Gold"})
    official.conversations.reply(
        conversation,
        request={
            "message_type": "comment",
            "type": "user",
            "intercom_user_id": contact,
            "body": "And smokes.",
        },
    )
    official.conversations.reply(
        conversation,
        request=AdminReplyConversationRequest(
            message_type="note",
            type="admin",
            admin_id=sim.admin,
            body="<p>Odd.</p>",
            created_at=1_300_000_100,
            skip_notifications=True,
        ),
    )
    official.conversations.update(conversation, title="Printer", custom_attributes={"Ticket number": "17"})
    official.tags.tag_conversation(conversation, tag_id=tag.id, admin_id=sim.admin)
    official.conversations.manage(
        conversation, request={"message_type": "close", "type": "admin", "admin_id": sim.admin}
    )

    found: Any = official.conversations.find(conversation)

    assert (found.title, found.state, found.created_at) == ("Printer", "closed", 1_300_000_000)
    assert found.source.body == "<p>It beeps.</p>"
    assert found.custom_attributes == {"Ticket number": "17"}
    assert [applied.name for applied in found.tags.tags] == ["Gold"]
    assert [(part.part_type, part.body) for part in found.conversation_parts.conversation_parts] == [
        ("comment", "<p>And smokes.</p>"),
        ("note", "<p>Odd.</p>"),
        ("conversation_attribute_updated_by_admin", None),
        ("close", None),
    ]


def test_it_lists_searches_and_deletes_conversations(official: Intercom, contact: str, conversation: str) -> None:
    query = {"field": "contact_ids", "operator": "=", "value": contact}

    assert [found.id for found in official.conversations.list()] == [conversation]
    assert [found.id for found in official.conversations.search(query=query)] == [conversation]
    official.conversations.delete_conversation(int(conversation))
    with pytest.raises(NotFoundError):
        official.conversations.find(conversation)


def test_it_makes_and_deletes_what_a_rollback_does(official: Intercom, sim: Simulated, contact: str) -> None:
    collection: Any = official.help_centers.collections.create(name="Services")
    article: Any = official.articles.create(
        request={  # type: ignore[arg-type]
            "title": "E-Mail",
            "author_id": int(sim.admin),
            "parent_id": int(collection.id),
            "parent_type": "collection",
        }
    )
    company: Any = official.companies.create_or_update(request={"company_id": "c1", "name": "ACME"})
    tag: Any = official.tags.create(request={"name": "Gold"})
    attribute: Any = official.data_attributes.create(
        request={"name": "city", "model": "contact", "data_type": "string"}  # type: ignore[arg-type]
    )

    archived: Any = official.data_attributes.update(int(attribute.id), request={"archived": True})
    assert archived.archived
    assert official.articles.delete(int(article.id)).deleted
    assert official.help_centers.collections.delete(int(collection.id)).deleted
    assert official.companies.delete(company.id).deleted
    assert official.contacts.delete(contact).deleted
    official.tags.delete(tag.id)
    for find in (lambda: official.articles.find(int(article.id)), lambda: official.contacts.find(contact)):
        with pytest.raises(ApiError) as met:
            find()
        assert met.value.status_code == 404
