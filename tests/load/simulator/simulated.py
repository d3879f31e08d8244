"""A served workspace with two teammates, a team and a few attributes, and a client for it."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from load.simulator import Options, Workspace, serve

HEADERS = {"Authorization": "Bearer made-up", "Intercom-Version": "2.16"}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Simulated:
    """A running simulator and the ids of what a test needs."""

    client: httpx.Client
    workspace: Workspace
    admin: str
    other_admin: str
    team: str

    @property
    def base_url(self) -> str:
        return str(self.client.base_url)

    def ok(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = self.client.request(method, path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        response = self.client.request(method, path, json=body)
        envelope = response.json()
        assert envelope["type"] == "error.list"
        error = envelope["errors"][0]
        return response.status_code, error["code"], error["message"]

    def contact(self, **fields: Any) -> str:
        return self.ok("POST", "/contacts", fields or {"role": "user", "external_id": "jo", "email": "jo@example.com"})[
            "id"
        ]

    def conversation(self, contact: str, body: str = "It beeps.", **fields: Any) -> str:
        sent = {"from": {"type": "user", "id": contact}, "body": body, **fields}
        return self.ok("POST", "/conversations", sent)["conversation_id"]

    def reply(self, conversation: str, contact: str, body: str = "And smokes.", **fields: Any) -> dict[str, Any]:
        sent = {
            "message_type": "comment",
            "type": "user",
            "intercom_user_id": contact,
            "body": body,
            **fields,
        }
        return self.ok("POST", f"/conversations/{conversation}/reply", sent)

    def note(self, conversation: str, body: str = "<p>Odd.</p>", **fields: Any) -> dict[str, Any]:
        sent = {"message_type": "note", "type": "admin", "admin_id": self.admin, "body": body, **fields}
        return self.ok("POST", f"/conversations/{conversation}/reply", sent)

    def close(self, conversation: str) -> dict[str, Any]:
        sent = {"message_type": "close", "type": "admin", "admin_id": self.admin}
        return self.ok("POST", f"/conversations/{conversation}/parts", sent)

    def assign(self, conversation: str, kind: str, assignee: str) -> dict[str, Any]:
        sent = {"message_type": "assignment", "type": kind, "admin_id": self.admin, "assignee_id": assignee}
        return self.ok("POST", f"/conversations/{conversation}/parts", sent)


def parts(conversation: dict[str, Any]) -> list[dict[str, Any]]:
    return conversation["conversation_parts"]["conversation_parts"]


def file(content: bytes = b"log", name: str = "printer.log", content_type: str = "text/plain") -> dict[str, str]:
    return {"name": name, "content_type": content_type, "data": base64.b64encode(content).decode()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulate(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Simulated]]:
    """Serves a fresh workspace with the given options."""
    numbers = count(1)
    with ExitStack() as stack:

        def start(**options: Any) -> Simulated:
            workspace = stack.enter_context(Workspace(tmp_path / f"workspace{next(numbers)}.sqlite", clock))
            ids = workspace.seed(
                admins=[
                    {"name": "Ada", "email": "ada@example.com"},
                    {"name": "Bo", "email": "bo@example.com"},
                ],
                teams=[{"name": "Support", "admins": ["ada@example.com"]}],
                attributes=[
                    {"name": "Ticket number"},
                    {"name": "Weight", "data_type": "decimal"},
                    {"name": "Pages", "data_type": "integer"},
                    {"name": "Urgent", "data_type": "boolean"},
                    {"name": "Created", "data_type": "datetime"},
                    {"name": "Queue", "data_type": "list", "options": ["Raw", "Junk"]},
                    {"name": "login", "model": "contact"},
                    {"name": "customer number", "model": "company"},
                ],
            )
            served = stack.enter_context(serve(workspace, Options(clock=clock, **options)))
            client = stack.enter_context(httpx.Client(base_url=served.base_url, headers=HEADERS, timeout=30))
            admins = ids["admins"]
            return Simulated(
                client,
                workspace,
                admins["ada@example.com"],
                admins["bo@example.com"],
                ids["teams"]["Support"],
            )

        yield start


@pytest.fixture
def sim(simulate: Callable[..., Simulated]) -> Simulated:
    return simulate()
