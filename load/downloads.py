"""Fetches files by the addresses that Intercom gives, to compare their bytes.

An attachment's address is signed, ends with the half hour and may lie on any host (Intercom REST 2.16, schema
part_attachment). So the access token is not known here and can be sent to nobody, and a file goes through a
hash piece by piece: neither its size nor what a server says of it decides how much memory it takes.
"""

import hashlib
from types import TracebackType
from typing import Self

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from load.clock import Clock, SystemClock

TIMEOUT = 60.0
"""Seconds without a byte."""

LARGEST = 256 * 1024 * 1024
"""Bytes after which a file is given up: more than twice of what the help centre names for uploads (100 MB)."""

ATTEMPTS = 4
MOVED = 5
"""Redirects followed."""

_GONE = {404, 410}
_PASSING = {408, 429}
_SERVER_ERROR = 500


class _PassingError(Exception):
    """The file may come when it is asked for again."""


class Downloads:
    """A client for files, without any token. Thread-safe; to be closed, or used as a context manager.

    Args:
        clock: where time comes from.
        connections: how many at once.
        largest: bytes after which a file is given up.
        transport: another way to the servers, for tests.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        connections: int = 16,
        largest: int = LARGEST,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._largest = largest
        self._http = httpx.Client(
            follow_redirects=True,
            max_redirects=MOVED,
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=connections),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def fetch(self, address: str) -> tuple[str | None, int | None, str | None]:
        """Fetch one file, patiently.

        Args:
            address: http or https.

        Returns:
            SHA-256 in hex, bytes, and None; or None, None and why it could not be fetched: `gone`, `too large`,
            `no web address`, `no answer` or `status <number>`.
        """
        try:
            return Retrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=wait_exponential_jitter(multiplier=0.5, max=10),
                retry=retry_if_exception_type(_PassingError),
                sleep=self._clock.sleep,
                reraise=True,
            )(self._once, address)
        except _PassingError as error:
            return None, None, str(error)

    def _once(self, address: str) -> tuple[str | None, int | None, str | None]:
        digest, size = hashlib.sha256(), 0
        try:
            with self._http.stream("GET", address) as answer:
                if answer.status_code in _GONE:
                    return None, None, "gone"
                if answer.status_code in _PASSING or answer.status_code >= _SERVER_ERROR:
                    raise _PassingError(f"status {answer.status_code}")
                if not answer.is_success:
                    return None, None, f"status {answer.status_code}"
                for piece in answer.iter_bytes():
                    digest.update(piece)
                    size += len(piece)
                    if size > self._largest:
                        return None, None, "too large"
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            return None, None, "no web address"
        except httpx.HTTPError as error:
            raise _PassingError("no answer") from error
        return digest.hexdigest(), size, None
