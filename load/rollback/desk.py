"""What a rollback reads: objects, lists and searches of the workspace, and what the ledger knows of them."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from load.client import GONE, Answer, Client
from load.errors import AgainError, GoneError, LostError, UnreachableError
from load.kinds import next_page
from load.ledger import SETTLED, Ledger
from load.rollback.owned import ending_with
from load.rollback.rules import MERGED, Thing
from load.storage import FileStorage

_PATHS = {
    "conversation.create": "/conversations/{}",
    "contact.upsert": "/contacts/{}",
    "article.create": "/articles/{}",
    "collection.create": "/help_center/collections/{}",
}
_SEARCHED = 150
"""Results on a page, the most that is allowed (contacts and conversations: search)."""


class Desk:
    """Reads for the rules; thread-safe. Lists are read once, so a proof needs a desk of its own.

    Args:
        client: to Intercom.
        ledger: what is ours.
        files: the storage outside Intercom.
    """

    def __init__(self, client: Client, ledger: Ledger, files: FileStorage) -> None:
        self.client, self.ledger, self.files = client, ledger, files
        self._lists: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._file_users: dict[int, int] = {}
        self._lock = threading.Lock()

    def show(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read one path; None where there is nothing, `MERGED` for a contact that was merged.

        Raises:
            UnreachableError: Intercom has not answered after several attempts.
        """
        try:
            return self._patiently(lambda: self.client.call("GET", path, query=query, reads=True)).data
        except GoneError as error:
            return MERGED if error.status == GONE and error.code == "contact_merged" else None

    def listed(self, path: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
        """Read a whole list, once."""
        key = f"{path}?{sorted((query or {}).items())}"
        with self._lock:
            if key not in self._lists:
                self._lists[key] = self._list(path, query or {})
            return self._lists[key]

    def _list(self, path: str, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        page: Mapping[str, str] | None = {}
        while page is not None:
            shown = self.show(path, {**query, **page}) or {}
            items.extend(shown.get("data") or [])
            page = next_page(shown.get("pages") or {})
        return items

    def found(self, path: str, name: str, value: str) -> list[str]:
        """Ids that a search for one field gives."""
        ids: list[str] = []
        pagination: dict[str, Any] = {"per_page": _SEARCHED}
        while True:
            query = {"query": {"field": name, "operator": "=", "value": value}, "pagination": pagination}
            shown = self._search(path, query).data or {}
            ids.extend(str(item["id"]) for item in shown.get("conversations") or shown.get("data") or [])
            following = (shown.get("pages") or {}).get("next")
            if not isinstance(following, dict) or not following.get("starting_after"):
                return ids
            pagination = {"per_page": _SEARCHED, "starting_after": following["starting_after"]}

    def _search(self, path: str, query: Mapping[str, Any]) -> Answer:
        return self._patiently(lambda: self.client.call("POST", path, query, reads=True))

    def _patiently(self, read: Callable[[], Answer]) -> Answer:
        try:
            return self.client.patiently(read)
        except (LostError, AgainError) as error:
            raise UnreachableError(
                f"Intercom does not answer: {error}. Run the same command again later: it goes on where it stopped."
            ) from error

    def stays(self, kind: str, ids: Iterable[str]) -> list[str]:
        """Of objects of a kind, those that the ledger still holds, and those that are not ours and really there.

        What was taken back is in the ledger no more. What a search shows may have been deleted a moment ago, so each
        that is not in the ledger is read.
        """
        named = list(dict.fromkeys(ids))
        owned = self.ledger.owned(kind, named)
        return [one for one in named if one in owned or self.show(_PATHS[kind].format(one)) is not None]

    def users(self, thing: Thing) -> int:
        """How many settled slots still use a definition or a stored file.

        For stored files all messages count, so they are counted once a phase: those of later phases are gone by then.
        """
        if thing.kind != "file.store":
            return self._users(thing)
        with self._lock:
            if thing.phase not in self._file_users:
                self._file_users[thing.phase] = self._users(thing)
            return self._file_users[thing.phase]

    def _users(self, thing: Thing) -> int:
        name = thing.slot.partition("/")[2]
        where = {
            "tag.create": SETTLED.c.kind.in_(("contact.tag", "conversation.tag"))
            & (SETTLED.c.intercom_id == thing.intercom_id),
            "conversation_attribute.create": (SETTLED.c.kind == "conversation.attribute")
            & SETTLED.c.slot.like(ending_with(f"/attribute/{name}"), escape="\\"),
            "data_attribute.create": SETTLED.c.kind == f"{name.partition('/')[0]}.upsert",
            "file.store": SETTLED.c.kind.in_(("conversation.create", "conversation.reply")),
        }[thing.kind]
        with self.ledger.engine.connect() as db:
            return int(db.scalar(select(func.count()).select_from(SETTLED).where(where)) or 0)

    def stored(self, path: str) -> bool:
        """Whether a file is in the storage outside Intercom.

        Raises:
            UnreachableError: the storage does not say.
        """
        try:
            return self.files.exists(path)
        except AgainError as error:
            raise UnreachableError(f"{error}. Run the same command again later.") from error
