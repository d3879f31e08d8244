"""Prism stops what breaks Intercom's description, in both directions."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

Prism = Callable[[str], AbstractContextManager[str]]

HEADERS = {"Authorization": "Bearer made-up", "Intercom-Version": "2.16"}
FIRST_MESSAGE = {
    "from": {"type": "user", "id": "6762f0dd1bb69f9f2193bb83"},
    "body": "Hello",
    "created_at": 1_300_000_000,
}
ANSWER = {
    "type": "user_message",
    "id": "403918330",
    "created_at": 1_300_000_000,
    "body": "Hello",
    "message_type": "inapp",
    "conversation_id": "613",
}


@contextmanager
def upstream(answer: dict[str, Any], seen: list[bytes]) -> Iterator[str]:
    """Answer every POST alike and note what arrived."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post(prism: Prism, message: dict[str, Any], answer: dict[str, Any]) -> tuple[httpx.Response, list[bytes]]:
    seen: list[bytes] = []
    with upstream(answer, seen) as behind, prism(behind) as url:
        # Prism's worker needs a while for the first request; slowness is not what is tested.
        return httpx.post(f"{url}/conversations", json=message, headers=HEADERS, timeout=60), seen


def test_what_fits_the_description_passes_unchanged(prism: Prism) -> None:
    response, seen = post(prism, FIRST_MESSAGE, ANSWER)
    assert (response.status_code, response.json()) == (200, ANSWER)
    assert [json.loads(body) for body in seen] == [FIRST_MESSAGE]
    assert "sl-violations" not in response.headers


@pytest.mark.parametrize("broken", [{"created_at": "2011-03-13T07:06:40Z"}, {"from": {"type": "admin", "id": "1"}}])
def test_a_request_that_breaks_the_description_does_not_arrive(prism: Prism, broken: dict[str, Any]) -> None:
    response, seen = post(prism, FIRST_MESSAGE | broken, ANSWER)
    assert (response.status_code, seen) == (422, [])


def test_an_answer_that_breaks_the_description_is_an_error(prism: Prism) -> None:
    without = {name: value for name, value in ANSWER.items() if name != "conversation_id"}
    response, _ = post(prism, FIRST_MESSAGE, without)
    assert response.status_code == 500
    assert "conversation_id" in response.text
