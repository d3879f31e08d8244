"""What the rules of the kinds may use: Intercom, the ledger and the storage of files."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from load import silence
from load.client import Answer, Client
from load.ledger import Ledger
from load.storage import FileStorage


class Talker:
    """Implements `load.kinds.Talk` for a run; thread-safe.

    Args:
        client: to Intercom.
        ledger: what is ours.
        files: the storage outside Intercom.
        acknowledged: names of the side effects that a person knows of.
    """

    def __init__(
        self, client: Client, ledger: Ledger, files: FileStorage, acknowledged: Collection[str] = frozenset()
    ) -> None:
        self.client, self.ledger, self.files = client, ledger, files
        self.acknowledged = acknowledged
        self._lists: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._reading = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        reads: bool = False,
    ) -> Answer:
        """Send one request; a write only when nothing happens by it that nobody acknowledged.

        Raises:
            UnsilencedError: something would.
        """
        if not reads:
            silence.check(method, path, payload, self.acknowledged)
        return self.client.call(method, path, payload, query=query, reads=reads)

    def owned(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Which of these ids the ledger has for this kind."""
        return self.ledger.owned(kind, ids)

    def made_here(self, kind: str, intercom_id: str) -> bool:
        """Whether a run of this ledger ever created this object, and did not adopt it."""
        return self.ledger.made_here(kind, intercom_id)

    def under_way(self, kind: str, mark: str) -> bool:
        """Whether a call of this kind with this mark is not known to be answered, in this run or an earlier one."""
        return any(intent.kind == kind and intent.told("mark") == mark for intent in self.ledger.open_intents())

    def listed(self, path: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
        """A list of the workspace, read once: as it was before the run added to it."""
        key = f"{path}?{sorted((query or {}).items())}"
        with self._reading:
            if key not in self._lists:
                shown = self.client.fetch(path, dict(query) if query else None) or {}
                self._lists[key] = list(shown.get("data") or [])
            return self._lists[key]

    def stored(self, path: str, size: int, sha256: str) -> bool:
        """Whether a file is kept outside Intercom already, with these bytes."""
        return self.files.holds(path, size, sha256)

    def store(self, path: str, spooled: Path, size: int, sha256: str) -> bool:
        """Keep a file outside Intercom; False when it was there."""
        return self.files.put(path, spooled, size, sha256)

    def unstore(self, path: str) -> None:
        """Remove a file that is kept outside Intercom."""
        self.files.remove(path)
