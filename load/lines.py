"""The lines to Intercom: one connection for each request that is under way, with pinned headers.

Python's own HTTP, since a client like httpx takes more time for a request than everything else that is done for it;
what it adds (cookies, redirects, merged addresses, a pool that all threads wait for) is not wanted here.
"""

import base64
import select
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from load.errors import AgainError, LostError, SettingsError
from load.settings import IntercomSettings

VERSION = "2.16"
"""Pinned on every request; without it the version set for the app in the Developer Hub would apply."""

TIMEOUT = 60.0
"""Seconds; the official SDKs' default, the server's own limit is not documented."""

KEEP = 30.0
"""Seconds that an idle connection is kept: longer than the wait for the next window."""

_GZIP = 47  # zlib's word for: gzip's format or zlib's own


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer.

    Attributes:
        headers: by lower-case name.
        body: unpacked.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lines:
    """Connections to Intercom; thread-safe. To be closed.

    Args:
        settings: address and token.

    Raises:
        SettingsError: the environment names a proxy of a kind that is not supported.
    """

    def __init__(self, settings: IntercomSettings) -> None:
        self._address = urlsplit(settings.base_url.rstrip("/"))
        self._headers = {
            "Authorization": f"Bearer {settings.access_token}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            "Intercom-Version": VERSION,
            "User-Agent": "intercom-loader",
        }
        self._secure = self._address.scheme == "https"
        # Plain HTTP is spoken with a simulator on this computer only: no proxy, no certificates.
        self._proxy = _proxy_of(self._address) if self._secure else None
        self._trust = httpx.create_ssl_context() if self._secure else None
        self._idle: list[tuple[HTTPConnection, float]] = []

    def close(self) -> None:
        """Close the connections; one that is in use stays until its answer is there."""
        while self._idle:
            self._idle.pop()[0].close()

    def exchange(self, method: str, path: str, content: bytes | None, query: Mapping[str, str] | None) -> Response:
        """Send a request and wait for its whole answer.

        Raises:
            AgainError: no connection; nothing was sent.
            LostError: no whole answer.
        """
        target = self._address.path + quote(path, safe="/%:@!$&'()*+,;=~")
        if query:
            target = f"{target}?{urlencode(query)}"
        line = self._line()
        try:
            line.request(method, target, content, self._headers)
            answer = line.getresponse()
            body = answer.read()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            if headers.get("content-encoding") == "gzip" and body:
                body = zlib.decompress(body, _GZIP)
        except (OSError, HTTPException, zlib.error) as error:
            line.close()
            raise LostError(f"no answer ({type(error).__name__})", code="no_answer") from error
        except BaseException:
            line.close()
            raise
        self._idle.append((line, time.monotonic()))
        return Response(answer.status, headers, body)

    def _line(self) -> HTTPConnection:
        """The connection that was used last, so that those which are not needed grow old; or a new one."""
        while self._idle:
            try:
                line, since = self._idle.pop()
            except IndexError:
                break  # another thread was quicker
            if time.monotonic() - since < KEEP and not _is_closed(line):
                return line
            line.close()
        line = self._new()
        try:
            line.connect()
        except (OSError, HTTPException) as error:
            line.close()
            raise AgainError(f"no connection ({type(error).__name__})", code="no_connection") from error
        return line

    def _new(self) -> HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if not self._secure:
            return HTTPConnection(host, port, timeout=TIMEOUT)
        if self._proxy is None:
            return HTTPSConnection(host, port, timeout=TIMEOUT, context=self._trust)
        line = HTTPSConnection(self._proxy.hostname or "", self._proxy.port, timeout=TIMEOUT, context=self._trust)
        line.set_tunnel(host, port, _authorization(self._proxy))
        return line


def _is_closed(line: HTTPConnection) -> bool:
    """Whether the server has closed an idle connection: it has something to say without having been asked."""
    poll = select.poll()
    poll.register(line.sock, select.POLLIN)
    return bool(poll.poll(0))


def _proxy_of(address: SplitResult) -> SplitResult | None:
    """The proxy that the environment names for an address (HTTPS_PROXY, ALL_PROXY, NO_PROXY)."""
    proxies = getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    if not named or proxy_bypass(address.hostname or ""):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if proxy.scheme != "http":
        raise SettingsError(
            f"the environment names a proxy of the kind {proxy.scheme}, which is not supported. "
            "Name one that is reached by http in HTTPS_PROXY, or add Intercom's address to NO_PROXY."
        )
    return proxy


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    both = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
