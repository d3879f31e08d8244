"""Answers that arrive late, in part, or as something else: what proxies and bad lines make of them."""

import asyncio
import math
from asyncio import Transport
from collections.abc import Callable

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

#: Key in the ASGI scope under which the server puts the connection's transport, so that it can be cut.
TRANSPORT = "simulator.transport"

_PIECES = 8

_PAGE = "<!doctype html><html><head><title>Just a moment…</title></head><body><h1>Please wait</h1></body></html>"


class Truncated(Response):
    """Promises a whole answer, sends half of it and closes the connection."""

    def __init__(self, whole: Response) -> None:
        super().__init__(bytes(whole.body), whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as ASGI has it."""
        body = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        connection_of(scope).close()
        while (await receive())["type"] != "http.disconnect":
            pass


class Trickling(Response):
    """Sends a whole answer in pieces, over so many seconds."""

    def __init__(self, whole: Response, seconds: float) -> None:
        super().__init__(bytes(whole.body), whole.status_code)
        self.raw_headers = whole.raw_headers
        self._pause = seconds / _PIECES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Answer, as ASGI has it."""
        body = bytes(self.body)
        size = math.ceil(len(body) / _PIECES) or 1
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(body), size):
            await asyncio.sleep(self._pause)
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def half_of(whole: Response) -> Response:
    """An answer that is complete for HTTP and holds half of the JSON."""
    body = bytes(whole.body)
    return _with(Response(body[: len(body) // 2], whole.status_code, media_type="application/json"), whole)


def page_in_place_of(whole: Response) -> Response:
    """200 with a page of HTML, as from something on the way that wants a person."""
    return _with(HTMLResponse(_PAGE), whole)


WAYS: dict[str, Callable[[Response], Response]] = {
    "truncate": Truncated,
    "half_json": half_of,
    "not_json": page_in_place_of,
}
"""By the names that faults have for them."""


def connection_of(scope: Scope) -> Transport:
    """The connection that a request came by.

    Raises:
        RuntimeError: the server is another one than that of `serve` and `run_forever`.
    """
    transport: Transport | None = scope.get("extensions", {}).get(TRANSPORT)
    if transport is None:
        raise RuntimeError("this server can not cut connections: use serve() or run_forever()")
    return transport


def _with(answer: Response, whole: Response) -> Response:
    for name, value in whole.headers.items():
        if name.startswith("x-"):
            answer.headers[name] = value
    return answer
