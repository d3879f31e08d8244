"""Which handler answers which operation of Intercom REST 2.16.

Paths are written as the official description writes them, so that a log of requests can be compared with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import compile_path

from load.simulator import companies, contacts, conversations, definitions, help_centre
from load.simulator.call import Call

Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """An operation.

    Attributes:
        method: of the request.
        template: path of the description.
        handler: answers it.
        writes: whether a success changes the workspace; searches and lists are POST, too, and do not.
    """

    method: str
    template: str
    handler: Handler
    writes: bool


_READING_POSTS = {"/contacts/search", "/conversations/search", "/companies/list"}


def _table() -> dict[tuple[str, str], Handler]:
    conversation = "/conversations/{conversation_id}"
    attribute = "/conversations/attributes/{id}"
    contact = "/contacts/{contact_id}"
    return {
        ("GET", "/me"): definitions.me,
        ("GET", "/admins"): definitions.list_admins,
        ("GET", "/admins/{admin_id}"): definitions.get_admin,
        ("GET", "/teams"): definitions.list_teams,
        ("GET", "/teams/{team_id}"): definitions.get_team,
        ("GET", "/tags"): definitions.list_tags,
        ("POST", "/tags"): definitions.create_tag,
        ("GET", "/tags/{tag_id}"): definitions.get_tag,
        ("DELETE", "/tags/{tag_id}"): definitions.delete_tag,
        ("GET", "/data_attributes"): definitions.list_data_attributes,
        ("POST", "/data_attributes"): definitions.create_data_attribute,
        ("PUT", "/data_attributes/{data_attribute_id}"): definitions.update_data_attribute,
        ("GET", "/conversations/attributes"): definitions.list_conversation_attributes,
        ("POST", "/conversations/attributes"): definitions.create_conversation_attribute,
        ("GET", attribute): definitions.get_conversation_attribute,
        ("PUT", attribute): definitions.update_conversation_attribute,
        ("DELETE", attribute): definitions.archive_conversation_attribute,
        ("POST", f"{attribute}/options"): definitions.add_option,
        ("PUT", f"{attribute}/options/{{option_id}}"): definitions.update_option,
        ("DELETE", f"{attribute}/options/{{option_id}}"): definitions.archive_option,
        ("GET", "/contacts"): contacts.list_contacts,
        ("POST", "/contacts"): contacts.create_contact,
        ("POST", "/contacts/search"): contacts.search_contacts,
        ("GET", "/contacts/find_by_external_id/{external_id}"): contacts.find_contact,
        ("GET", contact): contacts.get_contact,
        ("PUT", contact): contacts.update_contact,
        ("DELETE", contact): contacts.delete_contact,
        ("POST", f"{contact}/archive"): contacts.archive_contact,
        ("POST", f"{contact}/unarchive"): contacts.unarchive_contact,
        ("GET", f"{contact}/companies"): contacts.list_contact_companies,
        ("POST", f"{contact}/companies"): contacts.attach_company,
        ("DELETE", f"{contact}/companies/{{company_id}}"): contacts.detach_company,
        ("GET", f"{contact}/tags"): contacts.list_contact_tags,
        ("POST", f"{contact}/tags"): contacts.tag_contact,
        ("DELETE", f"{contact}/tags/{{tag_id}}"): contacts.untag_contact,
        ("GET", "/companies"): companies.find_companies,
        ("POST", "/companies"): companies.upsert_company,
        ("POST", "/companies/list"): companies.list_companies,
        ("GET", "/companies/scroll"): companies.Scrolls().scroll,
        ("GET", "/companies/{company_id}"): companies.get_company,
        ("PUT", "/companies/{company_id}"): companies.update_company,
        ("DELETE", "/companies/{company_id}"): companies.delete_company,
        ("GET", "/companies/{company_id}/contacts"): companies.list_company_contacts,
        ("GET", "/conversations"): conversations.list_conversations,
        ("POST", "/conversations"): conversations.create_conversation,
        ("POST", "/conversations/search"): conversations.search_conversations,
        ("GET", "/conversations/deleted"): conversations.list_deleted_conversations,
        ("GET", conversation): conversations.get_conversation,
        ("PUT", conversation): conversations.update_conversation,
        ("DELETE", conversation): conversations.delete_conversation,
        ("POST", f"{conversation}/reply"): conversations.reply,
        ("POST", f"{conversation}/parts"): conversations.manage,
        ("POST", f"{conversation}/tags"): conversations.tag_conversation,
        ("DELETE", f"{conversation}/tags/{{tag_id}}"): conversations.untag_conversation,
        ("POST", f"{conversation}/customers"): conversations.add_participant,
        ("DELETE", f"{conversation}/customers/{{contact_id}}"): conversations.remove_participant,
        ("GET", "/help_center/collections"): help_centre.list_collections,
        ("POST", "/help_center/collections"): help_centre.create_collection,
        ("GET", "/help_center/collections/{collection_id}"): help_centre.get_collection,
        ("DELETE", "/help_center/collections/{collection_id}"): help_centre.delete_collection,
        ("GET", "/articles"): help_centre.list_articles,
        ("POST", "/articles"): help_centre.create_article,
        ("GET", "/articles/{article_id}"): help_centre.get_article,
        ("PUT", "/articles/{article_id}"): help_centre.update_article,
        ("DELETE", "/articles/{article_id}"): help_centre.delete_article,
    }


class Router:
    """Finds the operation of a request. Literal paths come before those with parameters."""

    def __init__(self) -> None:
        self._literal: dict[tuple[str, str], Route] = {}
        self._patterns: dict[str, list[tuple[Any, Route]]] = {}
        for (method, template), handler in _table().items():
            route = Route(method, template, handler, method != "GET" and template not in _READING_POSTS)
            if "{" not in template:
                self._literal[method, template] = route
                continue
            # an external id may hold slashes
            pattern, _, _ = compile_path(template.replace("{external_id}", "{external_id:path}"))
            self._patterns.setdefault(method, []).append((pattern, route))

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The operation and the parameters of the path, or None."""
        route = self._literal.get((method, path))
        if route is not None:
            return route, {}
        for pattern, candidate in self._patterns.get(method, ()):
            match = pattern.match(path)
            if match:
                return candidate, match.groupdict()
        return None
