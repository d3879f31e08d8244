"""Requests on the wire: httpx's transport with the pinned headers.

Without httpx's client, which adds cookies, redirects and merged settings that are not wanted here, and takes half as
much processor time again for each request.
"""

import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from load.settings import IntercomSettings

VERSION = "2.16"
"""Pinned on every request; without it the version set for the app in the Developer Hub would apply."""

TIMEOUT = 60.0
"""Seconds; the official SDKs' default, the server's own limit is not documented."""

_SAFE = "/%:@!$&'()*+,;=~"


@cache
def certificates() -> ssl.SSLContext:
    """Whom to trust, as httpx finds it in the environment; reading it takes 50 ms, so once for all connections."""
    return httpx.create_ssl_context()


class Lines:
    """Connections to Intercom; thread-safe. To be closed.

    Args:
        settings: address and token.
        connections: how many at once.
        transport: another way to the server, for tests.
    """

    def __init__(
        self, settings: IntercomSettings, connections: int = 16, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._address = settings.base_url.rstrip("/")
        self._headers = httpx.Headers(
            {
                "Host": urlsplit(self._address).netloc,
                "Authorization": f"Bearer {settings.access_token}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "keep-alive",
                "Content-Type": "application/json",
                "Intercom-Version": VERSION,
                "User-Agent": "intercom-loader",
            }
        )
        self._extensions = {"timeout": httpx.Timeout(TIMEOUT).as_dict()}
        self._transport = transport or httpx.HTTPTransport(
            verify=certificates(),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            proxy=_proxy_of(self._address),
        )

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def exchange(
        self, method: str, path: str, content: bytes | None, query: Mapping[str, str] | None
    ) -> httpx.Response:
        """Send a request and wait for its whole answer.

        Raises:
            httpx.HTTPError: no connection, or no whole answer.
        """
        address = self._address + quote(path, safe=_SAFE)
        if query:
            address = f"{address}?{urlencode(query)}"
        request = httpx.Request(
            method, address, headers=self._headers, content=content, extensions=dict(self._extensions)
        )
        response = self._transport.handle_request(request)
        try:
            response.read()
        finally:
            response.close()
        return response


def _proxy_of(address: str) -> str | None:
    """The proxy that the environment names for an address (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)."""
    parts = urlsplit(address)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    return named if named is None or "://" in named else f"http://{named}"
