"""A server that gives the same answer to everything, as cheaply as Python can: what is left is the client's time.

    python constant_answers.py <workspace id>

prints its address and ends with its standard input.
"""

import asyncio
import json
import sys

PART = {
    "type": "conversation_part",
    "id": "5017",
    "part_type": "comment",
    "body": "<p>It beeps and smokes, and the paper comes out on the wrong side.</p>",
    "created_at": 1_300_000_000,
    "author": {"type": "admin", "id": "991267460", "name": "Ada", "email": "ada@example.com"},
    "attachments": [],
}
ANSWER = {
    "type": "conversation",
    "id": "5017",
    "conversation_id": "5017",
    "created_at": 4_000_000_000,
    "updated_at": 4_000_000_000,
    "title": "Printer",
    "state": "open",
    "custom_attributes": {"Ticket number": "2011000001", "Created": 1_300_000_000, "Priority": "3 normal"},
    "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [PART], "total_count": 1},
    "tags": {"type": "tag.list", "tags": []},
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "6" * 24}]},
}


def response(body: object) -> bytes:
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "X-Request-Id: 5d1d3c6a-8a6f-4a38-9d6a-0c0b6f1a2b3c\r\nX-RateLimit-Limit: 1000000\r\n"
        f"X-RateLimit-Remaining: 999999\r\nX-RateLimit-Reset: 4102444800\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Constant(asyncio.Protocol):
    """HTTP/1.1 with Content-Length only, which is what httpx speaks."""

    def __init__(self, workspace_id: str) -> None:
        self._answers = {
            b"/me": response({"type": "admin", "app": {"id_code": workspace_id, "name": "Constant", "region": "US"}}),
            b"/tags": response({"type": "list", "data": [], **ANSWER}),
        }
        self._other = response(ANSWER)
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            found = head.find(b"content-length:")
            length = int(head[found + 15 :].split(b"\r\n", 1)[0]) if found >= 0 else 0
            if len(self._received) < end + 4 + length:
                return
            path = head.split(b" ", 2)[1]
            self._received = self._received[end + 4 + length :]
            self._transport.write(self._answers.get(path, self._other))


async def serve(workspace_id: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Constant(workspace_id), "127.0.0.1", 0, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201 - the address
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
