"""Files are fetched without the token, within bounds, and what could not be fetched is said by name."""

import hashlib
from collections.abc import Callable, Iterator

import httpx
import pytest
from rehearsals import PatientClock

from load.downloads import ATTEMPTS, Downloads

ADDRESS = "https://files.example.com/1?signature=secret"
BYTES = b"some bytes"
Handler = Callable[[httpx.Request], httpx.Response]


def downloads(handler: Handler, **more: int) -> Downloads:
    """A client in front of a server that is a function."""
    return Downloads(clock=PatientClock(), transport=httpx.MockTransport(handler), **more)


def test_a_file_comes_as_its_hash_and_its_size() -> None:
    with downloads(lambda _request: httpx.Response(200, content=BYTES)) as client:
        assert client.fetch(ADDRESS) == (hashlib.sha256(BYTES).hexdigest(), len(BYTES), None)


def test_no_token_is_sent_to_any_host_not_even_after_a_redirect() -> None:
    seen: list[httpx.Request] = []

    def moved(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "files.example.com":
            return httpx.Response(302, headers={"Location": "https://elsewhere.example.com/2"})
        return httpx.Response(200, content=BYTES)

    with downloads(moved) as client:
        assert client.fetch(ADDRESS)[2] is None
    assert [request.url.host for request in seen] == ["files.example.com", "elsewhere.example.com"]
    assert not any(name in request.headers for request in seen for name in ("authorization", "cookie"))


@pytest.mark.parametrize(
    ("status", "problem"), [(404, "gone"), (410, "gone"), (403, "status 403"), (400, "status 400")]
)
def test_what_is_refused_is_asked_for_once(status: int, problem: str) -> None:
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(status)

    with downloads(refuse) as client:
        assert client.fetch(ADDRESS) == (None, None, problem)
    assert len(asked) == 1


def test_what_fails_for_a_moment_is_asked_for_again() -> None:
    answers = iter([httpx.Response(503), httpx.Response(429), httpx.Response(200, content=BYTES)])
    with downloads(lambda _request: next(answers)) as client:
        assert client.fetch(ADDRESS)[1] == len(BYTES)


def test_a_file_cut_on_its_way_is_never_taken_for_whole() -> None:
    asked: list[str] = []

    def pieces() -> Iterator[bytes]:
        yield BYTES[:4]
        raise httpx.ReadError("cut")

    def cut(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, content=pieces())

    with downloads(cut) as client:
        assert client.fetch(ADDRESS) == (None, None, "no answer")
    assert len(asked) == ATTEMPTS


def test_a_file_that_does_not_end_is_given_up() -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1_000
            yield bytes(1_000)

    with downloads(lambda _request: httpx.Response(200, content=endless()), largest=5_000) as client:
        assert client.fetch(ADDRESS) == (None, None, "too large")
    assert sent <= 7_000


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "gopher://x/1", "not an address"])
def test_only_web_addresses_are_followed(address: str) -> None:
    with Downloads(clock=PatientClock()) as client:
        assert client.fetch(address) == (None, None, "no web address")
