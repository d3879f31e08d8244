"""One exchange over a connection: what is sent, what is kept open, and whether a failure may have arrived."""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from load.errors import AgainError, LostError, SettingsError
from load.lines import Lines
from load.settings import IntercomSettings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: r1\r\n\r\n{}"


@dataclass
class Peer:
    """A server that answers each request with the next of its answers; None closes the connection instead."""

    answers: list[bytes | None]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def take(self, listener: socket.socket) -> None:
        while self.answers:
            connection, _ = listener.accept()
            self.connections += 1
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        while self.answers and (request := _whole(connection)):
            self.requests.append(request)
            answer = self.answers.pop(0)
            if answer is None:
                return
            connection.sendall(answer)
            if self.answers and self.answers[0] == b"":
                self.answers.pop(0)  # answered, and closed while nobody asks
                return


def _whole(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return b""
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def peer(*answers: bytes | None) -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Peer(list(answers), url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=served.take, args=(listener,), daemon=True)
        thread.start()
        yield served


@pytest.fixture
def lines() -> Iterator[Callable[[str], Lines]]:
    made: list[Lines] = []

    def make(url: str) -> Lines:
        made.append(Lines(IntercomSettings(access_token="made-up", base_url=url)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_each_request_names_version_and_token_and_says_how_long_it_is(lines: Callable[[str], Lines]) -> None:
    with peer(ANSWER) as there:
        answer = lines(there.url).exchange("POST", "/contacts", '{"name":"Jürgen"}'.encode(), None)

    head, _, body = there.requests[0].decode().partition("\r\n\r\n")
    sent = head.split("\r\n")
    assert sent[0] == "POST /contacts HTTP/1.1"
    assert {"Intercom-Version: 2.16", "Authorization: Bearer made-up", "Content-Type: application/json"} <= set(sent)
    assert json.loads(body) == {"name": "Jürgen"}
    assert (answer.status, answer.headers["x-request-id"], answer.body) == (200, "r1", b"{}")


def test_paths_and_queries_are_quoted_and_a_base_path_is_kept(lines: Callable[[str], Lines]) -> None:
    with peer(ANSWER) as there:
        lines(f"{there.url}/proxy/").exchange("GET", "/contacts/find_by_external_id/ü 1", None, {"a": "ö &"})

    assert there.requests[0].startswith(b"GET /proxy/contacts/find_by_external_id/%C3%BC%201?a=%C3%B6+%26 HTTP/1.1")


def test_a_packed_answer_is_unpacked(lines: Callable[[str], Lines]) -> None:
    packed = gzip.compress(b'{"id": "1"}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with peer(head + packed) as there:
        assert lines(there.url).exchange("GET", "/me", None, None).body == b'{"id": "1"}'


def test_requests_one_after_another_share_a_connection(lines: Callable[[str], Lines]) -> None:
    with peer(ANSWER, ANSWER, ANSWER) as there:
        one = lines(there.url)
        for _ in range(3):
            one.exchange("GET", "/me", None, None)

    assert there.connections == 1


def test_a_connection_that_was_closed_while_nobody_asked_is_not_used_again(lines: Callable[[str], Lines]) -> None:
    with peer(ANSWER, b"", ANSWER) as there:
        one = lines(there.url)
        one.exchange("GET", "/me", None, None)
        (kept, _) = one._idle[0]
        assert kept.sock.recv(1, socket.MSG_PEEK) == b""  # waits until the server has closed it
        assert one.exchange("GET", "/me", None, None).status == 200

    assert there.connections == 2


def test_where_nobody_listens_nothing_was_sent(lines: Callable[[str], Lines]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(AgainError, match=r"no connection \(ConnectionRefusedError\)"):
        lines(f"http://127.0.0.1:{port}").exchange("POST", "/tags", b"{}", None)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_without_a_whole_answer_it_may_have_arrived(lines: Callable[[str], Lines], answer: bytes | None) -> None:
    with peer(answer, b"", ANSWER) if answer else peer(None, ANSWER) as there:
        one = lines(there.url)
        with pytest.raises(LostError, match="no answer"):
            one.exchange("POST", "/tags", b"{}", None)
        assert one.exchange("GET", "/me", None, None).status == 200

    assert there.connections == 2


def test_the_proxy_of_the_environment_is_asked_for_a_tunnel(
    lines: Callable[[str], Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    with peer(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//ada:se%20cret@"))
        with pytest.raises(AgainError, match="no connection"):
            lines("https://api.intercom.io").exchange("GET", "/me", None, None)

    assert proxy.requests[0].startswith(b"CONNECT api.intercom.io:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic YWRhOnNlIGNyZXQ=" in proxy.requests[0]
    assert b"made-up" not in proxy.requests[0]


def test_a_proxy_of_another_kind_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(SettingsError, match="NO_PROXY"):
        Lines(IntercomSettings(access_token="x", base_url="https://api.intercom.io"))

    monkeypatch.setenv("NO_PROXY", "api.intercom.io")
    Lines(IntercomSettings(access_token="x", base_url="https://api.intercom.io")).close()
