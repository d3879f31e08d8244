"""Keeps what goes over the wire, so that a test can judge the requests themselves."""

import json
import threading
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Sent:
    """A request as it left the loader, and the status of its answer."""

    method: str
    path: str
    body: dict[str, Any]
    status: int


class Recorder(httpx.BaseTransport):
    """Passes requests on and keeps them."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_connections=32))
        self._lock = threading.Lock()
        self.sent: list[Sent] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        response = self._inner.handle_request(request)
        with self._lock:
            self.sent.append(Sent(request.method, request.url.path, body, response.status_code))
        return response

    def close(self) -> None:
        self._inner.close()
